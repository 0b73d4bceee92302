// The queues at a glance.

import { get } from "./api.js";
import { ago, badge, el, number, span, spark, swap } from "./parts.js";

/** What is to be noticed of a queue. */
function remarks(queue) {
  return [
    queue.waiting > 1000 && badge("deep", "bad"),
    queue.dead > 0 && el("a", { href: `#letters?queue=${encodeURIComponent(queue.name)}`, "data-key": `dead-${queue.name}` },
      badge(`${number(queue.dead)} dead`, "dead")),
  ];
}

function card(queue) {
  const hour = queue.history.length ? Math.max(...queue.history) : 0;
  const fact = (name, value) => [el("dt", null, name), el("dd", null, value)];
  return el("article", { class: "card" },
    el("h3", null, el("a", { href: `#tasks?queue=${encodeURIComponent(queue.name)}`, "data-key": `queue-${queue.name}` }, queue.name), remarks(queue)),
    el("dl", { class: "big" }, fact("Waiting", number(queue.waiting)), fact("In flight", number(queue.in_flight)), fact("Dead letters", number(queue.dead))),
    spark(queue.history, `Messages that waited in each of the last sixty minutes, ${hour} at most`),
    el("dl", { class: "small" },
      fact("Oldest", queue.oldest_s === null ? "none waits" : `up to ${span(queue.oldest_s * 1000)}`),
      fact("Last begun", queue.last_started_at ? ago(queue.last_started_at) : "not noted")));
}

const STATUSES = ["running", "failed", "dead"];

export const overview = {
  title: "Overview",
  every: 5000,
  async load() {
    const [queues, ...counts] = await Promise.all([
      get("/admin/queues"),
      ...STATUSES.map((status) => get(`/admin/tasks?status=${status}&limit=1`)),
    ]);
    return { queues: queues.data, counts: counts.map((page, n) => ({ status: STATUSES[n], total: page.total, capped: page.total_capped })) };
  },
  show(place, { queues, counts }) {
    const total = ({ status, total, capped }) => el("li", null,
      el("a", { href: `#tasks?status=${status}`, "data-key": `count-${status}` }, badge(status), ` ${number(total)}${capped ? "+" : ""}`));
    swap(place, el("h2", null, "Overview"),
      el("p", { class: "hint" }, "Tasks that are known: those of the last seven days, of the last thirty where they failed."),
      el("ul", { class: "counts" }, counts.map(total)),
      el("h3", { class: "over" }, "Queues"),
      el("div", { class: "cards" }, queues.map(card)));
  },
};
