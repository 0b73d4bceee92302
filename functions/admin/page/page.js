// The administrators' page: who is logged in, which view is shown, and how fresh it is.

import { get, logIn, logOut, whenEnded } from "./api.js";
import { letters, tokens } from "./letters.js";
import { overview } from "./overview.js";
import { ago, badge, button, el, say, swap, time } from "./parts.js";
import { schedules } from "./schedules.js";
import { statistics } from "./statistics.js";
import { tasks } from "./tasks.js";

const VIEWS = { overview, tasks, statistics, schedules, letters, tokens };
const LONGEST = 60_000;
const byId = (id) => document.getElementById(id);
const [login, tabs, who, fresh, alerts, view] = ["login", "tabs", "who", "fresh", "alerts", "view"].map(byId);

let session = null;

/** The view that the address names, and what it is asked for. */
function place() {
  const [name, query] = location.hash.slice(1).split("?");
  return { name: VIEWS[name] ? name : "overview", params: new URLSearchParams(query ?? "") };
}

/** Loads a view and the alerts, again and again while somebody looks. */
class Live {
  constructor() {
    this.turn = 0;
    this.failures = 0;
    this.at = 0;
    this.ticking = setInterval(() => this.tell(), 1000);
    this.visible = () => (document.hidden ? this.pause() : this.start());
    document.addEventListener("visibilitychange", this.visible);
  }

  /** What the address names now. */
  go() {
    const { name, params } = place();
    this.name = name;
    this.params = params;
    for (const link of tabs.children) {
      const current = link.dataset.view === name;
      if (current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${VIEWS[name].title} – Tallybook administration`;
    this.data = undefined;
    VIEWS[name].enter?.(params);
    view.setAttribute("aria-busy", "true");
    return this.start();
  }

  pause() {
    clearTimeout(this.timer);
    this.turn += 1;
  }

  async start() {
    this.pause();
    const turn = this.turn;
    try {
      const [told, data] = await Promise.all([get("/admin/alerts"), VIEWS[this.name].load(this.params)]);
      if (turn !== this.turn) return;
      this.failures = 0;
      this.at = Date.now();
      this.trouble = null;
      showAlerts(told);
      this.data = data;
      this.draw();
    } catch (trouble) {
      if (turn !== this.turn || !session) return;
      this.failures += 1;
      this.trouble = trouble;
      if (this.data === undefined) swap(view, el("h2", null, VIEWS[this.name].title), el("p", { class: "bad" }, trouble.message),
        el("p", { class: "actions" }, button("Try again", () => this.start(), { "data-key": "again" })));
    }
    view.removeAttribute("aria-busy");
    // What a view does not ask for by itself is asked for again only after it failed, and alerts with it.
    const every = VIEWS[this.name].every || 30_000;
    const wait = this.trouble ? Math.max(this.trouble.wait * 1000, Math.min(LONGEST, every * 2 ** Math.min(this.failures, 6))) : every;
    this.next = Date.now() + wait;
    if (!document.hidden) this.timer = setTimeout(() => (VIEWS[this.name].every || this.trouble ? this.start() : this.alerts()), wait);
    this.tell();
  }

  /** The alerts alone. */
  async alerts() {
    const turn = this.turn;
    try {
      showAlerts(await get("/admin/alerts"));
    } catch {
      // The next look tells.
    }
    if (turn === this.turn && !document.hidden) this.timer = setTimeout(() => this.alerts(), 30_000);
  }

  draw() {
    VIEWS[this.name].show(view, this.data, {
      params: this.params,
      go: (params) => {
        const hash = `#${this.name}${params.size ? `?${params}` : ""}`;
        if (location.hash === hash) this.go();
        else location.hash = hash;
      },
      reload: () => this.start(),
      redraw: () => this.draw(),
    });
  }

  /** Says how old it is once it is old: a screen reader hears that it grew stale and that it is fresh again, no seconds. */
  tell() {
    const stale = Boolean(this.trouble);
    fresh.classList.toggle("bad", stale);
    const at = this.at ? new Date(this.at).toTimeString().slice(0, 8) : "never";
    const text = stale ? `Stale: ${this.trouble.message} Last seen ${at}. Trying again.` : "Live: asked for every few seconds.";
    if (fresh.textContent !== text) fresh.textContent = text;
  }

  end() {
    this.pause();
    clearInterval(this.ticking);
    document.removeEventListener("visibilitychange", this.visible);
  }
}

const TITLES = {
  task_given_up: (subject) => `Tasks of the kind ${subject} are given up`,
  queue_deep: (subject) => `The queue ${subject} is deep`,
  worker_silent: (subject) => `Nobody works on the queue ${subject}`,
  unhealthy: (subject) => `Health: ${subject} does not answer`,
  vacuum_behind: (subject) => `VACUUM does not keep up with ${subject}`,
  statement_slow: (subject) => `The statement ${subject} is slow`,
  wraparound_near: (subject) => `Transaction ids run out: ${subject}`,
  pins_lost: () => "Pinned files are gone",
  gateway_silent: () => "The gateway of IPFS does not answer",
};
const title = (alert) => TITLES[alert.kind]?.(alert.subject) ?? `${alert.kind}: ${alert.subject}`;

let shownAlerts = "";
/** What goes wrong, on top of every view. */
function showAlerts({ data, targets }) {
  const text = JSON.stringify([data, targets, Math.floor(Date.now() / 60_000)]);
  if (text === shownAlerts) return;
  shownAlerts = text;
  const [lasting, over] = [data.filter((alert) => !alert.resolved_at), data.filter((alert) => alert.resolved_at)];
  const line = (alert) => el("li", null, el("strong", null, title(alert)), el("span", null, alert.detail),
    el("small", null, "since ", time(alert.first_seen_at), alert.resolved_at ? [", over ", time(alert.resolved_at)] : `, ${ago(alert.first_seen_at)}`,
      alert.told_at ? ", told" : ", not told"));
  const target = ({ channel, is_set: set, error, told_at: told, waiting }) => el("li", null, `${channel === "mail" ? "Mail" : "Webhook"}: `,
    set ? badge(error ? "failing" : "set", error ? "failed" : "succeeded") : badge("not set", "queued"),
    error ? ` ${error}` : "", told ? ` last told ${ago(told)}` : "", waiting ? `, ${waiting} waiting` : "");
  swap(alerts,
    el("h2", { id: "alerts-title" }, lasting.length ? `${lasting.length} ${lasting.length === 1 ? "alert" : "alerts"}` : "No alerts"),
    lasting.length ? el("ul", { class: "alerts" }, lasting.map(line)) : null,
    el("details", { ...(alerts.querySelector("details")?.open ? { open: true } : {}) },
      el("summary", { "data-key": "targets" }, "Who is told, and what is over"),
      el("ul", { class: "targets" }, targets.map(target)),
      over.length ? el("ul", { class: "alerts over" }, over.slice(0, 20).map(line)) : el("p", { class: "hint" }, "No alert has ended in the last thirty days.")));
  alerts.classList.toggle("lasting", lasting.length > 0);
}

function enter(email) {
  for (const node of [tabs, who, fresh, alerts, view]) node.hidden = false;
  login.hidden = true;
  who.firstElementChild.textContent = email;
  tabs.replaceChildren(...Object.entries(VIEWS).map(([name, { title: text }]) => el("a", { href: `#${name}`, "data-view": name }, text)));
  session = new Live();
  session.go();
  view.focus({ preventScroll: true });
}

function leave(why) {
  session?.end();
  session = null;
  shownAlerts = "";
  for (const node of [tabs, who, fresh, alerts, view]) node.hidden = true;
  for (const node of [alerts, view]) node.replaceChildren();
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  login.hidden = false;
  login.querySelector(".bad").textContent = why ?? "";
  login.elements.email.focus();
}

login.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [email, password] = ["email", "password"].map((name) => login.elements[name]);
  const submit = login.querySelector("button");
  submit.disabled = true;
  login.querySelector(".bad").textContent = "";
  try {
    await logIn(email.value, password.value);
    password.value = "";
    enter(email.value);
  } catch (trouble) {
    login.querySelector(".bad").textContent = trouble.message;
    password.focus();
  } finally {
    submit.disabled = false;
  }
});
who.querySelector("button").addEventListener("click", async () => {
  await logOut();
  leave();
});
whenEnded(leave);
window.addEventListener("hashchange", () => session?.go());
window.addEventListener("unhandledrejection", (event) => say(event.reason?.message ?? "Something went wrong.", true));
