// Live frames over a WebSocket that comes back by itself: numbers tell what was missed, and it is asked for.

/**
 * What the server tells. `seq` counts a user's frames without gaps, `prev_seq` is the one before it that goes to this
 * connection; frames about the connection have neither.
 */
export interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly seq?: number;
  readonly prev_seq?: number;
  readonly data?: unknown;
  readonly timestamp?: string;
}

export interface LiveOptions {
  /** `wss://ws.example.com` with its stage. */
  url: string;
  /** Called for each connection: `() => client.ticket()`. */
  ticket: () => Promise<string>;
  /** Each frame once, in order. */
  onFrame: (frame: Frame) => void;
  /** Frames are lost for good, because the client was away for longer than they are kept: fetch everything anew. */
  onResync?: () => void;
  /** Whether there is a connection. */
  onState?: (connected: boolean) => void;
  /** The last `seq` that was seen, from an earlier run. */
  lastSeq?: number;
  /** The types of frames to get, if not all. */
  types?: readonly string[];
}

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** An answer that takes longer was lost, and is asked for again. */
const ANSWER_WAIT = 10_000;
/** Announcements come at least once: so many of the last ones are remembered. */
const REMEMBERED = 50;

export class Live {
  #lastSeq: number | undefined;
  #socket: WebSocket | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #heard = 0;
  #wait = FIRST_WAIT;
  #stopped = false;
  #resuming: ReturnType<typeof setTimeout> | undefined;
  #connectionId: string | undefined;
  #announced: string[] = [];
  readonly #options: LiveOptions;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#lastSeq = options.lastSeq;
    void this.#connect();
  }

  /** The number to go on from: store it. */
  get lastSeq(): number | undefined {
    return this.#lastSeq;
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#resuming);
    this.#socket?.close();
  }

  async #connect(): Promise<void> {
    try {
      const ticket = await this.#options.ticket();
      if (this.#stopped) return;
      const socket = new WebSocket(`${this.#options.url}?ticket=${encodeURIComponent(ticket)}`);
      this.#socket = socket;
      socket.onopen = () => this.#send({
        type: "hello",
        ...(this.#lastSeq !== undefined && { last_seq: this.#lastSeq }),
        ...(this.#connectionId !== undefined && { previous_connection_id: this.#connectionId }),
      });
      socket.onmessage = (message) => this.#take(JSON.parse(String(message.data)) as Frame);
      socket.onclose = () => this.#lost(socket);
    } catch {
      this.#again();
    }
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#answered();
    clearInterval(this.#heartbeat);
    this.#options.onState?.(false);
    this.#again();
  }

  // 1, 2, 4 … 30 seconds, never at the same moment as all others.
  #again(): void {
    if (this.#stopped) return;
    const wait = this.#wait * (0.5 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    setTimeout(() => !this.#stopped && void this.#connect(), wait);
  }

  #send(frame: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #resume(): void {
    if (this.#resuming !== undefined) return;
    this.#send({ type: "resume", last_seq: this.#lastSeq });
    this.#resuming = setTimeout(() => {
      this.#answered();
      this.#resume();
    }, ANSWER_WAIT);
  }

  #answered(): void {
    clearTimeout(this.#resuming);
    this.#resuming = undefined;
  }

  #take(frame: Frame): void {
    this.#heard = Date.now();
    const data = (frame.data ?? {}) as {
      seq?: number; heartbeat_s?: number; connection_id?: string; to?: number; complete?: boolean; frames?: Frame[];
    };
    switch (frame.type) {
      case "connected":
        this.#wait = FIRST_WAIT;
        this.#connectionId = data.connection_id;
        this.#beat((data.heartbeat_s ?? 30) * 1000);
        this.#options.onState?.(true);
        this.#lastSeq ??= data.seq ?? 0;
        if (this.#options.types) this.#send({ type: "subscribe", types: this.#options.types });
        else this.#reach(data.seq ?? 0);
        return;
      case "subscribed":
        this.#reach(data.seq ?? 0);
        return;
      case "resumed":
        this.#answered();
        data.frames?.forEach((missed) => this.#pass(missed));
        this.#lastSeq = Math.max(this.#lastSeq ?? 0, data.to ?? 0);
        if (!data.complete) this.#resume();
        return;
      case "resync_required":
        this.#answered();
        this.#lastSeq = data.seq ?? 0;
        this.#options.onResync?.();
        return;
      case "reconnect":
        this.#socket?.close();
        return;
      case "pong":
        return;
      case "announcement":
        if (this.#isNews(frame)) this.#options.onFrame(frame);
        return;
      default:
        this.#pass(frame);
    }
  }

  // What came before this connection was there is asked for; a first connection begins with the present.
  #reach(seq: number): void {
    if (this.#lastSeq !== seq) this.#resume();
  }

  #isNews({ id }: Frame): boolean {
    if (id === undefined || this.#announced.includes(id)) return false;
    this.#announced = [...this.#announced.slice(1 - REMEMBERED), id];
    return true;
  }

  // In order and once. A gap asks for what is missing; what came too early comes again with it.
  #pass(frame: Frame): void {
    if (frame.seq === undefined) {
      // The gateway's own words, when a function failed, have no type: what was asked is asked again.
      if (frame.type !== undefined) this.#options.onFrame(frame);
    } else if (this.#lastSeq !== undefined && frame.seq > this.#lastSeq) {
      if ((frame.prev_seq ?? 0) > this.#lastSeq) return this.#resume();
      this.#lastSeq = frame.seq;
      // Until it has said what it wants a connection gets everything.
      if (this.#options.types?.includes(frame.type) ?? true) this.#options.onFrame(frame);
    }
  }

  #beat(every: number): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => {
      if (Date.now() - this.#heard > 2 * every) this.#socket?.close();
      else this.#send({ type: "ping" });
    }, every);
  }
}
