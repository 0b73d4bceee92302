// How tasks did: by kind, and over time.

import { get } from "./api.js";
import { bars, el, number, select, span, swap, table } from "./parts.js";

const WINDOWS = [["24", "24 hours"], ["48", "48 hours"], ["168", "7 days"], ["720", "30 days"]];

/** Every hour or day of the window, also those in which nothing ran. */
function buckets(rows, hours) {
  const [unit, step] = hours <= 48 ? [13, 3_600_000] : [10, 86_400_000];
  const all = new Map();
  for (let at = Date.now() - hours * 3_600_000; at <= Date.now() + step; at += step) {
    const name = new Date(Math.min(at, Date.now())).toISOString().slice(0, unit);
    all.set(name, { title: `${name.replace("T", " ")}${unit === 13 ? ":00" : ""} UTC`, short: name.slice(unit === 13 ? 11 : 5), done: 0, failed: 0, dead: 0, p50: 0, rest: 0 });
  }
  for (const row of rows) {
    const bucket = all.get(row.from.slice(0, unit));
    if (!bucket) continue;
    bucket.done += row.runs - row.failed - row.dead;
    bucket.failed += row.failed;
    bucket.dead += row.dead;
    bucket.p50 = Math.max(bucket.p50, row.p50_ms ?? 0);
    bucket.rest = Math.max(bucket.rest, (row.p95_ms ?? 0) - (row.p50_ms ?? 0));
  }
  return [...all.values()];
}

/** A kind's rows as one. */
function totals(rows) {
  const kinds = new Map();
  for (const row of rows) {
    const of = kinds.get(row.kind) ?? { kind: row.kind, runs: 0, failed: 0, dead: 0, p95: 0, longest: 0, waited: 0 };
    of.runs += row.runs;
    of.failed += row.failed;
    of.dead += row.dead;
    of.p95 = Math.max(of.p95, row.p95_ms ?? 0);
    of.longest = Math.max(of.longest, row.longest_ms ?? 0);
    of.waited = Math.max(of.waited, row.waited_p95_ms ?? 0);
    kinds.set(row.kind, of);
  }
  return [...kinds.values()];
}

export const statistics = {
  title: "Statistics",
  every: 30_000,
  async load(params) {
    return (await get(`/admin/tasks/statistics?hours=${encodeURIComponent(params.get("hours") ?? "24")}`)).data;
  },
  show(place, data, { params, go }) {
    const [hours, kind] = [params.get("hours") ?? "24", params.get("kind") ?? ""];
    const rows = totals(data);
    const of = kind ? data.filter((row) => row.kind === kind) : data;
    const change = (name) => (event) => {
      const next = new URLSearchParams(params);
      next.set(name, event.target.value);
      go(next);
    };
    const names = [["", "all kinds"], ...rows.map((row) => [row.kind, row.kind])];
    const all = buckets(of, Number(hours));
    const link = (row) => el("a", { href: `#statistics?${new URLSearchParams({ hours, kind: row.kind })}`, "data-key": `kind-${row.kind}` }, row.kind);
    swap(place, el("h2", null, "Statistics"),
      el("form", { class: "filters", "aria-label": "What is shown" },
        el("label", null, el("span", null, "Window"), select(WINDOWS, hours, { onchange: change("hours"), "data-key": "hours" })),
        el("label", null, el("span", null, "Kind"), select(names, kind, { onchange: change("kind"), "data-key": "kind" }))),
      el("div", { class: "charts" },
        bars(`Runs of ${kind || "all kinds"}`, all, [["done", "done"], ["failed", "to be tried again"], ["dead", "given up"]]),
        kind ? bars(`What ${kind} took`, all, [["p50", "half took no longer"], ["rest", "nineteen of twenty took no longer: that much more"]], { format: span })
          : el("p", { class: "hint" }, "Choose a kind to see how long its tasks took.")),
      table("By kind", [
        ["Kind", link],
        ["Runs", (row) => number(row.runs)],
        ["To be tried again", (row) => number(row.failed)],
        ["Given up", (row) => number(row.dead)],
        ["19 of 20 took at most", (row) => span(row.p95)],
        ["Longest", (row) => span(row.longest)],
        ["19 of 20 waited at most", (row) => span(row.waited)],
      ], rows));
  },
};
