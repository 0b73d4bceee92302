// Typed calls. The types are the OpenAPI document's; what this file adds is what every caller would write: the token,
// its refreshing, and trying again what can be tried again.

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";
export { Live, type Frame, type LiveOptions } from "./live.js";
export type Schemas = components["schemas"];

/** What an account is logged in by. Store it, and give it back to the next client. */
export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

export interface Options {
  /** With the stage: `https://api.example.com/v1`. */
  baseUrl: string;
  /** Of an earlier login. */
  tokens?: Tokens;
  /** Called whenever they change; with none once the session has ended. */
  onTokens?: (tokens: Tokens | undefined) => void;
  fetch?: typeof fetch;
}

/** An answer that is none: `problem.code` is stable, `problem.detail` says what to do. */
export class ApiError extends Error {
  constructor(readonly problem: Schemas["Problem"]) {
    super(`${problem.code}: ${problem.detail}`);
  }
}

/** The body of an answer, or an [`ApiError`]. */
export function unwrap<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (!answer.response.ok) throw new ApiError(answer.error as Schemas["Problem"]);
  return answer.data as T;
}

const PUBLIC = ["/auth/login", "/auth/register", "/auth/refresh"];
const TRIES = 4;

export class Tallybook {
  /** `api.GET("/transactions", { params: { query: { limit: 10 } } })` */
  readonly api: Client<paths>;
  #tokens: Tokens | undefined;
  #refreshing: Promise<boolean> | undefined;
  readonly #options: Options;
  readonly #fetch: typeof fetch;

  constructor(options: Options) {
    this.#options = options;
    this.#tokens = options.tokens;
    this.#fetch = options.fetch ?? fetch;
    this.api = createClient<paths>({ baseUrl: options.baseUrl, fetch: (request) => this.#send(request) });
  }

  async login(email: string, password: string): Promise<void> {
    this.#keep(unwrap(await this.api.POST("/auth/login", { body: { email, password } })));
  }

  async register(body: Schemas["RegisterBody"]): Promise<void> {
    this.#keep(unwrap(await this.api.POST("/auth/register", { body })));
  }

  async logout(): Promise<void> {
    await this.api.POST("/auth/logout");
    this.#keep(undefined);
  }

  /** What opens one WebSocket: give it to [`Live`]. */
  async ticket(): Promise<string> {
    return unwrap(await this.api.POST("/auth/ws-ticket")).ticket;
  }

  #keep(tokens: Tokens | undefined): void {
    this.#tokens = tokens;
    this.#options.onTokens?.(tokens);
  }

  async #send(request: Request): Promise<Response> {
    const open = PUBLIC.some((path) => new URL(request.url).pathname.endsWith(path));
    // With a key it is safe to send a creating request again: the first answer is repeated, not the effect.
    if (request.method === "POST" && !open && !request.headers.has("idempotency-key")) {
      request.headers.set("idempotency-key", crypto.randomUUID());
    }
    for (let attempt = 1; ; attempt += 1) {
      const used = this.#tokens;
      if (used && !open) request.headers.set("authorization", `Bearer ${used.access_token}`);
      let answer: Response | undefined;
      try {
        answer = await this.#fetch(request.clone());
      } catch (error) {
        if (attempt === TRIES) throw error;
      }
      if (answer?.status === 401 && !open && used && attempt === 1) {
        if (used !== this.#tokens || (await this.#refresh(used))) continue;
        return answer;
      }
      const again = !answer || answer.status === 503 || (answer.status === 429 && !open);
      if (answer && (!again || attempt === TRIES)) return answer;
      const asked = Number(answer?.headers.get("retry-after"));
      await wait(asked > 0 ? Math.min(asked, 30) * 1000 : 250 * 2 ** attempt * (0.5 + Math.random()));
    }
  }

  // Requests that fail at the same moment share one refresh: a refresh token works once.
  #refresh(used: Tokens): Promise<boolean> {
    this.#refreshing ??= this.api
      .POST("/auth/refresh", { body: { refresh_token: used.refresh_token } })
      .then(({ data, response }) => {
        if (data) this.#keep(data);
        else if (response.status === 401) this.#keep(undefined);
        return data !== undefined;
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
