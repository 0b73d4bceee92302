// The TypeScript client against the running system: typed calls, refreshing, idempotent repetition, and frames that are
// told once and in order although the connection is cut.

import assert from "node:assert/strict";
import { ApiError, Live, Tallybook, unwrap, type Frame, type Tokens } from "../../clients/typescript/src/index.js";

const { API_URL = "", WS_URL = "", TEST_EMAIL: email = "", TEST_PASSWORD: password = "" } = process.env;
const today = new Date().toISOString().slice(0, 10);
const sent: { method: string; url: string; key: string | null }[] = [];
let drop = false;
let cut = 0;

// Counts what goes out, and on request loses an answer on its way back.
const counting: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  sent.push({ method: request.method, url: request.url, key: request.headers.get("idempotency-key") });
  const answer = await fetch(request);
  if (drop) {
    drop = false;
    await answer.arrayBuffer();
    throw new TypeError("the answer was lost");
  }
  return answer;
};

let tokens: Tokens | undefined;
const client = new Tallybook({ baseUrl: API_URL, fetch: counting, onTokens: (now) => (tokens = now) });
await client.login(email, password);
assert.equal(unwrap(await client.api.GET("/auth/me")).email, email);

// What is wrong is told with a stable code.
await assert.rejects(
  async () => unwrap(await client.api.POST("/transactions", { body: { amount: "1.999", date: today, merchant_raw: "x" } })),
  (error: unknown) => error instanceof ApiError && error.problem.code === "validation_failed",
);

// Frames, from before the first until after a cut connection.
const frames: Frame[] = [];
let connections = 0;
const live = new Live({
  url: WS_URL,
  ticket: () => client.ticket(),
  // Another test may have something to tell everybody.
  onFrame: (frame) => frame.type !== "announcement" && frames.push(frame),
  onState: (connected) => (connected ? (connections += 1) : (cut += 1)),
});
const until = async (what: string, done: () => boolean) => {
  for (let i = 0; i < 200; i += 1) {
    if (done()) return;
    await new Promise((next) => setTimeout(next, 100));
  }
  assert.fail(`${what} did not happen: ${JSON.stringify(frames)}`);
};
const spend = async (amount: string) =>
  unwrap(await client.api.POST("/transactions", { body: { amount, date: today, merchant_raw: "Corner shop", currency: "EUR" } }));
await until("the connection", () => connections === 1);
const first = await spend("1.00");
await until("the first frame", () => frames.length === 1);
assert.equal((frames[0]?.data as { id: string }).id, first.id);

// A lost answer is asked for again, and the purchase is made once.
drop = true;
await spend("2.00");
const [before, after] = sent.filter((one) => one.method === "POST" && one.url.endsWith("/transactions")).slice(-2);
assert.ok(before?.key && before.key === after?.key);
assert.equal(unwrap(await client.api.GET("/transactions")).total, 2);

// While the connection is away things happen; they arrive, once and in order.
const other = new Tallybook({ baseUrl: API_URL });
await other.login(email, password);
await other.api.POST("/auth/logout", { params: { query: { all: true } } });
await until("the end of the connection", () => cut >= 1);
assert.equal((await client.api.GET("/auth/me")).response.status, 401);
assert.equal(tokens, undefined, "an ended session is forgotten");
await client.login(email, password);
for (const amount of ["3.00", "4.00", "5.00"]) await spend(amount);
await until("all frames", () => frames.length >= 5);
assert.deepEqual(frames.map((frame) => (frame.data as { amount: string }).amount), ["1.00", "2.00", "3.00", "4.00", "5.00"]);
assert.deepEqual(frames.map((frame) => frame.seq), [1, 2, 3, 4, 5]);
live.stop();

// An access token that ended is refreshed once, however many requests notice.
const stale = new Tallybook({
  baseUrl: API_URL,
  fetch: counting,
  tokens: { access_token: `${tokens!.access_token}x`, refresh_token: tokens!.refresh_token },
});
sent.length = 0;
const all = await Promise.all([1, 2, 3, 4].map(() => stale.api.GET("/transactions")));
assert.deepEqual(all.map((one) => one.response.status), [200, 200, 200, 200]);
assert.equal(sent.filter((one) => one.url.endsWith("/auth/refresh")).length, 1);
