// Calls of the API. The tokens live in this module and nowhere else: a refresh token works for thirty days, and whatever a
// browser stores it may write to disk, sessionStorage included. Reloading the page means logging in again.

const base = location.origin + location.pathname.replace(/\/admin\/?$/, "");
let tokens = null;
let renewing = null;
let ended = () => {};

/** An answer that is none: a problem of the API's, or no answer at all (status 0). */
export class Trouble extends Error {
  constructor(status, body, wait) {
    super(body.detail ?? `The API answered ${status}.`);
    this.status = status;
    this.code = body.code ?? "";
    this.errors = body.errors ?? [];
    this.wait = wait;
  }
}

async function send(method, path, { body, headers = {}, token } = {}) {
  const all = { ...headers };
  if (body !== undefined) all["content-type"] = "application/json";
  if (token) all.authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(base + path, {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(30_000),
    });
  } catch {
    throw new Trouble(0, { detail: "The API does not answer." }, 0);
  }
  const text = await answer.text();
  let json = {};
  try {
    json = text ? JSON.parse(text) : {};
  } catch {
    json = {};
  }
  if (!answer.ok) throw new Trouble(answer.status, json, Number(answer.headers.get("retry-after")) || 0);
  return { json, etag: answer.headers.get("etag"), status: answer.status };
}

/** One renewal serves all calls that wait for it: a refresh token works once. */
function renew() {
  renewing ??= send("POST", "/auth/refresh", { body: { refresh_token: tokens.refresh_token } })
    .then(({ json }) => {
      if (tokens) tokens = json;
    })
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

/** Calls a route as whoever is logged in. */
export async function call(method, path, options = {}) {
  if (!tokens) throw new Trouble(401, { detail: "Log in first." }, 0);
  const used = tokens.access_token;
  try {
    return await send(method, path, { ...options, token: used });
  } catch (trouble) {
    if (trouble.status !== 401 || !tokens) throw trouble;
    try {
      if (tokens.access_token === used) await renew();
    } catch (second) {
      // That nobody answers does not end a session.
      if (second.status === 0 || second.status >= 429) throw second;
      forget("Your session has ended: log in again.");
      throw second;
    }
    return send(method, path, { ...options, token: tokens?.access_token });
  }
}

export const get = async (path) => (await call("GET", path)).json;

/** Keys for requests that make something: the same body has the same one, so that it can be sent again when its answer was lost. */
export function keys() {
  const known = new Map();
  return (body) => {
    const text = JSON.stringify(body);
    if (!known.has(text)) known.set(text, [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    return known.get(text);
  };
}

/** Logs in, and finds out whether it is an administrator. */
export async function logIn(email, password) {
  tokens = (await send("POST", "/auth/login", { body: { email, password } })).json;
  try {
    await get("/admin/alerts");
  } catch (trouble) {
    await logOut();
    if (trouble.status !== 403) throw trouble;
    throw new Trouble(403, { detail: "This account is no administrator's: ask one to make it one." }, 0);
  }
}

export async function logOut() {
  const token = tokens?.access_token;
  tokens = null;
  if (token) await send("POST", "/auth/logout", { token }).catch(() => {});
}

function forget(why) {
  tokens = null;
  ended(why);
}

/** What is to be done when the session has ended. */
export function whenEnded(work) {
  ended = work;
}
