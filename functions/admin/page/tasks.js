// Tasks: filters, pages, and each in full.

import { call, get } from "./api.js";
import { badge, button, el, input, number, say, select, span, sure, swap, table, time } from "./parts.js";

const FILTERS = ["kind", "queue", "status", "schedule", "user_id", "since", "until"];
const LIMIT = 25;
const open = new Set();
let trail = [];
let kinds = [];
let shown = "";

function query(params) {
  const asked = new URLSearchParams({ limit: LIMIT });
  for (const name of FILTERS) {
    const value = params.get(name);
    if (!value) continue;
    const at = ["since", "until"].includes(name) ? new Date(value) : null;
    asked.set(name, at && !Number.isNaN(at.getTime()) ? at.toISOString() : value);
  }
  if (trail.length) asked.set("cursor", trail.at(-1));
  return asked;
}

function filters(params, go) {
  const change = () => {
    const next = new URLSearchParams();
    for (const name of FILTERS) if (form.elements[name].value.trim()) next.set(name, form.elements[name].value.trim());
    go(next);
  };
  const any = (names) => [["", "any"], ...names.map((name) => [name, name])];
  const named = (name, label, node) => {
    node.name = name;
    node.dataset.key = `filter-${name}`;
    return el("label", null, el("span", null, label), node);
  };
  const of = (name) => params.get(name) ?? "";
  const form = el("form", { class: "filters", "aria-label": "Filters" },
    named("kind", "Kind", input({ list: "kinds", value: of("kind") })),
    el("datalist", { id: "kinds" }, kinds.map((kind) => el("option", { value: kind }))),
    named("queue", "Queue", select(any(["high", "default", "low", "scheduled"]), of("queue"))),
    named("status", "Status", select(any(["queued", "running", "succeeded", "failed", "dead"]), of("status"))),
    el("details", { open: FILTERS.slice(3).some(of) }, el("summary", { "data-key": "more" }, "More filters"), el("div", { class: "filters" },
      named("schedule", "Schedule", input({ value: of("schedule") })),
      named("user_id", "User", input({ value: of("user_id"), placeholder: "id" })),
      named("since", "Queued since", input({ type: "datetime-local", value: of("since") })),
      named("until", "Queued before", input({ type: "datetime-local", value: of("until") })))),
    el("p", { class: "actions" }, el("button", null, "Filter"), button("Clear", () => go(new URLSearchParams()), { class: "quiet", "data-key": "clear" })));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    change();
  });
  form.addEventListener("change", (event) => event.target.matches("select") && change());
  return form;
}

/** Sends a dead task back to its queue. */
async function sendBack(run, reload) {
  if (!(await sure(`Send this task of the kind ${run.kind} back to ${run.queue}? It is tried from the beginning.`, "Send back"))) return;
  try {
    await call("POST", `/admin/queues/${encodeURIComponent(run.queue)}/redrive`, { body: { task_id: run.id } });
    say(`Sent back to ${run.queue}.`);
  } catch (trouble) {
    say(trouble.status === 404 ? "Its message is not among the dead letters, or somebody looks at it just now." : trouble.message, true);
  }
  reload();
}

/** All that is known of a task. */
function detail(run, reload) {
  const fact = (name, value) => value !== null && value !== undefined && [el("dt", null, name), el("dd", null, value)];
  const text = (value) => el("pre", null, typeof value === "string" ? value : JSON.stringify(value, null, 2));
  const waited = run.started_at && Math.max(0, Date.parse(run.started_at) - Date.parse(run.queued_at));
  return el("div", { class: "detail" },
    run.error && el("div", null, el("h4", null, run.status === "succeeded" ? "The error of an earlier try" : "Error"), text(run.error)),
    el("dl", null, fact("Task", run.id), fact("User", run.user_id), fact("Schedule", run.schedule), fact("Tries", number(run.attempt)),
      fact("Queued", time(run.queued_at)), fact("Begun", time(run.started_at)), fact("Ended", time(run.finished_at)),
      fact("Waited", waited === null ? null : span(waited)), fact("Took", span(run.duration_ms))),
    el("div", null, el("h4", null, "Arguments"), text(run.args)),
    run.result && el("div", null, el("h4", null, "Result"), text(run.result)),
    run.status === "dead" && el("p", { class: "actions" }, button("Send back to its queue", () => sendBack(run, reload), { "data-key": `back-${run.id}` })));
}

function rows(runs, again, reload) {
  const toggle = (run) => () => {
    if (!open.delete(run.id)) open.add(run.id);
    again();
  };
  const opener = (run) => button(run.kind, toggle(run), {
    class: "opener", "aria-expanded": String(open.has(run.id)), "data-key": `run-${run.id}`,
  });
  return table("Tasks, the last queued first", [
    ["Kind", opener],
    ["Status", (run) => badge(run.status)],
    ["Queue", (run) => run.queue],
    ["Queued", (run) => time(run.queued_at)],
    ["Tries", (run) => number(run.attempt)],
    ["Took", (run) => span(run.duration_ms)],
    ["Schedule", (run) => run.schedule ?? "–"],
  ], runs, { key: (run) => run.id, extra: (run) => open.has(run.id) && detail(run, reload) });
}

export const tasks = {
  title: "Tasks",
  every: 5000,
  enter(params) {
    trail = [];
    shown = "";
    open.clear();
    // A link to one task opens it.
    if (params.get("id")) open.add(params.get("id"));
  },
  async load(params) {
    if (!kinds.length) {
      const { data } = await get("/admin/tasks/statistics?hours=720");
      kinds = [...new Set(data.map((row) => row.kind))].sort();
    }
    const id = params.get("id");
    if (id) return { data: [await get(`/admin/tasks/${encodeURIComponent(id)}`)], total: 1 };
    return get(`/admin/tasks?${query(params)}`);
  },
  show(place, page, { params, go, reload, redraw }) {
    // What is being filled in stays as it is while rows come and go.
    if (shown !== params.toString() || !place.querySelector(".filters")) {
      shown = params.toString();
      place.replaceChildren(el("h2", null, "Tasks"), filters(params, go), el("div", { class: "rows" }));
    }
    const turn = (to) => () => {
      trail = to;
      reload();
    };
    const total = page.total_capped ? `more than ${number(page.total)}` : number(page.total);
    swap(place.querySelector(".rows"),
      el("p", { class: "hint" }, page.total === 0 ? "No task is like this." : `${total} ${page.total === 1 ? "task" : "tasks"}. Times are those of this machine.`),
      page.data.length ? rows(page.data, redraw, reload) : null,
      el("p", { class: "actions" },
        trail.length > 0 && button("Newest", turn([]), { class: "quiet", "data-key": "newest" }),
        trail.length > 0 && button("Newer", turn(trail.slice(0, -1)), { class: "quiet", "data-key": "newer" }),
        page.has_more && button("Older", turn([...trail, page.next_cursor]), { class: "quiet", "data-key": "older" })));
  },
};
