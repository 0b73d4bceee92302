// Dead letters, and other teams' tokens.

import { call, get, keys } from "./api.js";
import { ago, badge, ask, button, el, input, number, say, select, sure, swap, table, time } from "./parts.js";

export const letters = {
  title: "Dead letters",
  // Looking takes them out of the queue for a moment, so this is done by hand alone.
  every: 0,
  async load(params) {
    const queues = (await get("/admin/queues")).data;
    const queue = params.get("queue") ?? (queues.find((one) => one.dead > 0) ?? queues[0]).name;
    return { queues, queue, ...(await get(`/admin/queues/${encodeURIComponent(queue)}/dead-letters`)) };
  },
  show(place, { queues, queue, data, has_more: more }, { go, reload }) {
    const back = (body, question) => async () => {
      if (!(await sure(question, "Send back"))) return;
      try {
        let [moved, rest] = [0, true];
        while (rest) {
          const { json } = await call("POST", `/admin/queues/${encodeURIComponent(queue)}/redrive`, { body });
          moved += json.moved;
          rest = json.has_more && json.moved > 0;
        }
        say(`${number(moved)} sent back to ${queue}.`);
      } catch (trouble) {
        say(trouble.status === 404 ? "It is no dead letter any more, or somebody looks at it just now: look again." : trouble.message, true);
      }
      reload();
    };
    const names = queues.map(({ name, dead }) => [name, `${name} (${number(dead)})`]);
    const one = (letter) => letter.task_id
      && button("Send back", back({ task_id: letter.task_id }, `Send this task of the kind ${letter.kind} back to ${queue}? It is tried from the beginning.`),
        { class: "quiet", "aria-label": `Send back ${letter.kind} ${letter.task_id}`, "data-key": `back-${letter.task_id}` });
    const task = (letter) => (letter.task_id
      ? el("a", { href: `#tasks?id=${letter.task_id}`, "data-key": `task-${letter.task_id}` }, letter.kind) : letter.kind ?? "no task of ours");
    swap(place, el("h2", null, "Dead letters"),
      el("form", { class: "filters", "aria-label": "Which queue" },
        el("label", null, el("span", null, "Queue"), select(names, queue, { "data-key": "queue", onchange: (event) => go(new URLSearchParams({ queue: event.target.value })) })),
        el("p", { class: "actions" }, button("Look again", reload, { class: "quiet", "data-key": "again" }),
          data.length > 0 && button("Send all back", back({}, `Send all dead letters of ${queue} back? They are tried from the beginning; what is done already is not done again.`), { "data-key": "all" }))),
      data.length === 0 ? el("p", { class: "hint" }, queues.some(({ name, dead }) => name === queue && dead > 0)
        ? "None can be looked at just now: somebody else does. Look again." : `${queue} has no dead letters.`) : table(`Dead letters of ${queue}${more ? ", the first of them" : ""}`, [
        ["Task", task],
        ["Reason", (letter) => badge(letter.reason ?? "none", "dead")],
        ["Buried", (letter) => time(letter.buried_at)],
        ["Actions", one],
      ], data, { key: (letter) => letter.task_id }));
  },
};

const SCOPES = ["transactions:write", "anomalies:write", "anchors:write", "corrections:read", "embeddings:write"];

export const tokens = {
  title: "Service tokens",
  every: 30_000,
  async load() {
    return get("/admin/service-tokens?limit=100");
  },
  show(place, { data }, { reload }) {
    const add = () => {
      const key = keys();
      const boxes = SCOPES.map((scope) => [scope, scope, el("input", { type: "checkbox" })]);
      ask("Make a service token", [["name", "Name", input({})], ...boxes], "Make", async (values) => {
        const scopes = SCOPES.filter((scope) => values[scope]);
        const body = { name: values.name, scopes };
        const { json } = await call("POST", "/admin/service-tokens", { body, headers: { "idempotency-key": key(body) } });
        reload();
        const dialog = el("dialog", { "aria-label": "The new token" }, el("p", null, "This is the token. It is shown now and never again."),
          el("pre", null, json.token ?? "It was shown before: revoke it and make another."));
        dialog.append(el("p", { class: "actions" }, button("Done", () => dialog.close())));
        dialog.addEventListener("close", () => dialog.remove());
        document.body.append(dialog);
        dialog.showModal();
      });
    };
    const revoke = (token) => async () => {
      if (!(await sure(`Revoke the token ${token.name}? The program that uses it is refused at once.`, "Revoke"))) return;
      try {
        await call("DELETE", `/admin/service-tokens/${encodeURIComponent(token.id)}`);
        say(`${token.name} is revoked.`);
      } catch (trouble) {
        say(trouble.message, true);
      }
      reload();
    };
    swap(place, el("h2", null, "Service tokens"), el("p", { class: "actions" }, button("Make a token", add, { "data-key": "make" })),
      data.length === 0 ? el("p", { class: "hint" }, "No other team's program has a token.") : table("Service tokens", [
        ["Name", (token) => token.name],
        ["Scopes", (token) => token.scopes.join(", ")],
        ["Made", (token) => time(token.created_at)],
        ["Last used", (token) => ago(token.last_used_at)],
        ["Actions", (token) => (token.revoked_at ? badge("revoked", "queued")
          : button("Revoke", revoke(token), { class: "quiet", "aria-label": `Revoke ${token.name}`, "data-key": `revoke-${token.id}` }))],
      ], data, { key: (token) => token.id }));
  },
};
