// What the clock runs.

import { call, get, keys } from "./api.js";
import { ask, badge, button, el, input, say, sure, swap, table, time } from "./parts.js";

const path = (name) => `/admin/schedules/${encodeURIComponent(name)}`;

/** All settings of one, as they are sent back: what is left out would have its default again. */
const settings = ({ kind, cron, timezone, is_enabled, description }) => ({ kind, cron, timezone, is_enabled, description });

function fields(of) {
  return [
    ["kind", "Kind of task", input({ list: "runnable", value: of.kind })],
    ["cron", "Cron: minute, hour, day, month, weekday", input({ value: of.cron })],
    ["timezone", "Time zone", input({ value: of.timezone })],
    ["description", "Description", input({ value: of.description })],
    ["is_enabled", "Enabled", el("input", { type: "checkbox", checked: of.is_enabled })],
  ];
}

export const schedules = {
  title: "Schedules",
  every: 5000,
  async load() {
    return (await get("/admin/schedules")).data;
  },
  show(place, all, { reload }) {
    const kinds = [...new Set(all.map((one) => one.kind))].sort();
    /** Does something to one as it is now, and tells when somebody else was faster. */
    const act = (work, done) => async () => {
      try {
        await work();
        say(done);
      } catch (trouble) {
        say(trouble.code === "stale" ? "Somebody else has changed it just now: look again." : trouble.message, true);
      }
      reload();
    };
    const put = async (name, change, etag) => call("PUT", path(name), { body: settings(change), headers: { "if-match": etag } });
    const run = (one) => act(async () => {
      await call("POST", `${path(one.name)}/run`);
    }, `${one.name}: its task is queued.`);
    const turn = (one) => act(async () => {
      const { json, etag } = await call("GET", path(one.name));
      await put(one.name, { ...json, is_enabled: !one.is_enabled }, etag);
    }, `${one.name} is ${one.is_enabled ? "disabled" : "enabled"}.`);
    const change = (one) => async () => {
      try {
        const { json, etag } = await call("GET", path(one.name));
        ask(`Change ${one.name}`, fields(json), "Save", async (values) => {
          await put(one.name, values, etag);
          say(`${one.name} is changed.`);
          reload();
        });
      } catch (trouble) {
        say(trouble.message, true);
      }
    };
    const remove = (one) => async () => {
      if (!(await sure(`Delete the schedule ${one.name}? What it has queued is done all the same.`, "Delete"))) return;
      await act(async () => {
        const { etag } = await call("GET", path(one.name));
        await call("DELETE", path(one.name), { headers: { "if-match": etag } });
      }, `${one.name} is deleted.`)();
    };
    const add = () => {
      const key = keys();
      const blank = { kind: "", cron: "0 * * * *", timezone: "UTC", is_enabled: true, description: "" };
      ask("Add a schedule", [["name", "Name", input({ placeholder: "small-letters-and-hyphens" })], ...fields(blank)], "Add", async (values) => {
        await call("POST", "/admin/schedules", { body: values, headers: { "idempotency-key": key(values) } });
        say(`${values.name} is added.`);
        reload();
      });
    };
    const acting = (one) => (text, work, props) => button(text, work, { class: "quiet", "aria-label": `${text} ${one.name}`, "data-key": `${text}-${one.name}`, ...props });
    const actions = (one) => {
      const of = acting(one);
      return el("span", { class: "actions" }, of("Run now", run(one)), of(one.is_enabled ? "Disable" : "Enable", turn(one)), of("Change", change(one)), of("Delete", remove(one)));
    };
    const last = (one) => one.last_task_id
      ? el("a", { href: `#tasks?schedule=${encodeURIComponent(one.name)}`, "data-key": `last-${one.name}` }, one.last_status ? badge(one.last_status) : "", " ", time(one.last_at))
      : "never";
    swap(place, el("h2", null, "Schedules"), el("datalist", { id: "runnable" }, kinds.map((kind) => el("option", { value: kind }))), el("p", { class: "actions" }, button("Add a schedule", add, { "data-key": "add" })),
      table("Schedules", [
        ["Name", (one) => el("span", null, el("strong", null, one.name), el("small", null, one.description))],
        ["Runs", (one) => el("span", null, el("code", null, one.cron), el("small", null, `${one.kind}, ${one.timezone}`))],
        ["Next", (one) => (one.is_enabled ? time(one.next_at, { seconds: false }) : badge("disabled", "queued"))],
        ["Last", last],
        ["Actions", actions],
      ], all, { key: (one) => one.name }));
  },
};
