// Live frames in a real browser, over a network that is cut, stops, and comes back: the page ends with every frame, once and
// in order, and another that asked for alerts alone with every alert.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { Tallybook, unwrap } from "../../clients/typescript/src/index.js";

const { API_URL = "", WS_URL = "", CHROMIUM, NODE_TOOLS = "", TEST_EMAIL: email = "", TEST_PASSWORD: password = "" } = process.env;
const { chromium } = createRequire(join(NODE_TOOLS, "package.json"))("playwright-core");
const client = new Tallybook({ baseUrl: API_URL });
await client.login(email, password);

// The page's own server: the client's module, tickets, and the way to the sockets, which this program can cut.
const page = `<!doctype html><title>Live</title><script type="module">
import { Live } from "/live.js";
const ticket = async () => { const answer = await fetch("/ticket"); if (!answer.ok) throw new Error("no ticket"); return answer.text(); };
const options = { url: location.origin.replace("http", "ws") + "/socket", ticket };
window.seen = []; window.alerts = []; window.states = []; window.told = [];
window.live = new Live({ ...options, onState: (connected) => states.push(connected),
  onFrame: (frame) => (frame.type === "announcement" ? told : seen).push(frame) });
window.narrow = new Live({ ...options, types: ["budget_alert"], onFrame: (frame) => alerts.push(frame) });
</script>`;
const target = new URL(WS_URL);
const ways = new Set<Socket>();
let away = false;
let held = false;
const late: [Socket, Buffer][] = [];
const server = createServer(async (request, answer) => {
  if (request.url === "/ticket") {
    answer.statusCode = away ? 503 : 200;
    return answer.end(away ? "" : await client.ticket());
  }
  const isModule = request.url === "/live.js";
  answer.setHeader("content-type", isModule ? "text/javascript" : "text/html");
  answer.end(isModule ? await readFile(new URL("../../clients/typescript/src/live.js", import.meta.url)) : page);
});
server.on("upgrade", (request, near: Socket) => {
  const far = connect(Number(target.port), target.hostname);
  const path = (request.url ?? "").replace("/socket", target.pathname);
  const fields = Object.entries({ ...request.headers, host: target.host }).map(([name, value]) => `${name}: ${value}`);
  far.write([`GET ${path} HTTP/1.1`, ...fields, "", ""].join("\r\n"));
  for (const socket of [near, far]) ways.add(socket);
  near.on("data", (bytes) => far.write(bytes));
  // Held, the connection stands and nothing comes over it: a tunnel. What is late comes after it, or is lost with the connection.
  far.on("data", (bytes) => (held ? late.push([near, bytes]) : near.write(bytes)));
  for (const [one, other] of [[near, far], [far, near]] as const) {
    one.on("error", () => other.destroy());
    one.on("close", () => { ways.delete(one); other.destroy(); });
  }
});
await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
const cut = () => ways.forEach((socket) => socket.destroy());

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
try {
  const tab = await browser.newPage();
  const problems: string[] = [];
  tab.on("pageerror", (error: unknown) => problems.push(String(error)));
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const today = new Date().toISOString().slice(0, 10);
  let spent = 0;
  const spend = async (times: number) => {
    for (let i = 0; i < times; i += 1) {
      spent += 1;
      const body = { amount: "10.00", date: today, merchant_raw: "Corner shop", currency: "EUR", category: "Groceries" };
      unwrap(await client.api.POST("/transactions", { body }));
    }
  };
  const month = { start_date: `${today.slice(0, 8)}01`, end_date: today };
  unwrap(await client.api.POST("/budgets", { body: { category: "Groceries", amount: "100.00", currency: "EUR", ...month } }));
  const reaches = async (what: string) => {
    try {
      await tab.waitForFunction(what, undefined, { timeout: 60_000 });
    } catch {
      assert.fail(`${what} is not so: ${JSON.stringify(await tab.evaluate("[states, seen.map((f) => [f.type, f.seq, f.prev_seq]), alerts.length]"))}`);
    }
  };
  await reaches("states.length === 1");
  await spend(3);
  await reaches("seen.length === 3");

  // Cut while frames are on their way, three times.
  for (let i = 0; i < 3; i += 1) {
    cut();
    await spend(2);
  }
  await reaches("seen.filter((frame) => frame.type === 'transaction_update').length === 9");

  // No server for a while: the page goes on trying.
  away = true;
  cut();
  await spend(2);
  await new Promise((next) => setTimeout(next, 3_000));
  away = false;
  await reaches("seen.filter((frame) => frame.type === 'transaction_update').length === 11");

  // In a tunnel: frames come late; in another one the connection is lost, and they with it.
  for (const isLost of [false, true]) {
    held = true;
    await spend(2);
    await new Promise((next) => setTimeout(next, 2_000));
    held = false;
    if (isLost) cut();
    for (const [near, bytes] of late.splice(0)) near.write(bytes);
    await spend(1);
  }
  await reaches("seen.filter((frame) => frame.type === 'transaction_update').length === 17");

  const seen: { seq: number; type: string }[] = await tab.evaluate("seen");
  assert.deepEqual(seen.map((frame) => frame.seq), seen.map((_, index) => index + 1), "once and in order");
  const alerts = seen.filter((frame) => frame.type === "budget_alert").map((frame) => frame.seq);
  assert.ok(alerts.length >= 3, `80, 100 and 110 %: ${alerts}`);
  await reaches(`alerts.length === ${alerts.length}`);
  assert.deepEqual((await tab.evaluate("alerts") as { seq: number }[]).map((frame) => frame.seq), alerts);
  assert.equal(seen.length, spent + alerts.length);
  const states: boolean[] = await tab.evaluate("states");
  assert.ok(states.filter((connected) => connected).length >= 4, `came back each time: ${states}`);
  assert.deepEqual(problems, []);
} finally {
  await browser.close();
  cut();
  server.close();
}
