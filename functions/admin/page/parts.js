// What views are put together from. Everything is made of nodes and text: nothing that the API says is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false).map((child) =>
    child instanceof Node ? child : document.createTextNode(String(child))));
  return node;
}

/** An element: `el("p", { class: "bad" }, "text", node)`. */
export const el = (tag, props, ...children) => fill(document.createElement(tag), props, children);
const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

/** Puts other nodes into a place, and the focus back to where it was. */
export function swap(place, ...nodes) {
  const active = place.contains(document.activeElement) ? document.activeElement : null;
  const name = active?.dataset.key;
  const { selectionStart, selectionEnd } = active instanceof HTMLInputElement && active.type === "text" ? active : {};
  place.replaceChildren(...nodes.flat().filter(Boolean));
  if (!name) return;
  const again = place.querySelector(`[data-key="${CSS.escape(name)}"]`);
  again?.focus({ preventScroll: true });
  if (selectionStart !== undefined && again instanceof HTMLInputElement) again.setSelectionRange(selectionStart, selectionEnd);
}

const said = document.getElementById("said");
let fading;
/** Says what was done, to everybody. */
export function say(text, bad = false) {
  clearTimeout(fading);
  said.textContent = text;
  said.classList.toggle("bad", bad);
  said.classList.add("shown");
  fading = setTimeout(() => said.classList.remove("shown"), bad ? 12_000 : 6_000);
}

/** A table: columns are `[title, cell]`, and what `cell` gives may be text or a node. */
export function table(caption, columns, rows, { key, extra } = {}) {
  // Roles are said, for on a phone the table is laid out as blocks and would be no table to a screen reader.
  const head = el("tr", { role: "row" }, columns.map(([title]) => el("th", { scope: "col", role: "columnheader" }, title)));
  const body = rows.flatMap((row) => {
    const cells = columns.map(([title, cell]) => el("td", { "data-title": title, role: "cell" }, cell(row)));
    const more = extra?.(row);
    return [el("tr", { "data-row": key?.(row), role: "row" }, cells), more && el("tr", { class: "more", role: "row" }, el("td", { colspan: columns.length, role: "cell" }, more))];
  });
  return el("table", { role: "table" }, el("caption", null, caption), el("thead", { role: "rowgroup" }, head), el("tbody", { role: "rowgroup" }, body.filter(Boolean)));
}

export const badge = (text, kind = text) => el("span", { class: `badge ${kind}` }, text);

/** An action that shows what it is about. */
export const button = (text, onclick, props) => el("button", { type: "button", onclick, ...props }, text);

const two = (n) => String(n).padStart(2, "0");
const numbers = new Intl.NumberFormat("en");
export const number = (n) => numbers.format(n);

/** A time on this machine's clock. */
export function time(iso, { seconds = true } = {}) {
  if (!iso) return "–";
  const at = new Date(iso);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}${seconds ? `:${two(at.getSeconds())}` : ""}`;
  const today = new Date().toDateString() === at.toDateString();
  return el("time", { datetime: iso, title: `${day} ${clock}` }, today ? clock : `${day} ${clock.slice(0, 5)}`);
}

/** A span of time in words that fit a cell. */
export function span(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
  return `${Math.floor(ms / 86_400_000)} days`;
}

export function ago(iso) {
  if (!iso) return "never";
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000));
  return seconds < 60 ? `${seconds} s ago` : `${span(Math.floor(seconds / 60) * 60_000).replace(/ 0 (s|min)$/, "")} ago`;
}

/** How a number went over the last hour. */
export function spark(values, label) {
  const most = Math.max(1, ...values);
  const step = 120 / Math.max(1, values.length - 1);
  const points = values.map((value, n) => `${(n * step).toFixed(1)},${(29 - (value / most) * 27).toFixed(1)}`);
  const line = svg("polyline", { points: points.join(" "), class: "line" });
  const area = svg("polygon", { points: `0,30 ${points.join(" ")} ${((values.length - 1) * step).toFixed(1)},30`, class: "area" });
  return svg("svg", { viewBox: "0 0 120 30", class: "spark", preserveAspectRatio: "none", role: "img", "aria-label": label },
    values.length > 1 && area, values.length > 1 && line);
}

/** Bars, each a stack of `parts`; `lines` are drawn above one another, not upon. */
export function bars(label, buckets, parts, { format = number } = {}) {
  // Its letters are to be read on a phone, too.
  const small = matchMedia("(max-width: 700px)").matches;
  const [wide, high, left, foot] = [small ? 330 : 640, 180, 56, 22];
  const total = (bucket) => parts.reduce((sum, [name]) => sum + (bucket[name] ?? 0), 0);
  const most = 2 * Math.ceil(Math.max(2, ...buckets.map(total)) / 2);
  const room = (wide - left) / Math.max(1, buckets.length);
  const y = (value) => (high - foot) * (1 - value / most) + 8 * (value / most);
  const nodes = [0, most / 2, most].map((value) => [
    svg("line", { x1: left, x2: wide, y1: y(value), y2: y(value), class: "grid" }),
    svg("text", { x: left - 6, y: y(value) + 4, class: "axis", "text-anchor": "end" }, format(Math.round(value))),
  ]);
  buckets.forEach((bucket, n) => {
    let below = 0;
    for (const [name, what] of parts) {
      const value = bucket[name] ?? 0;
      if (value > 0) {
        const [top, bottom] = [y(below + value), y(below)];
        nodes.push(svg("rect", { x: left + n * room + room * 0.12, y: top, width: room * 0.76, height: Math.max(1, bottom - top), class: `bar ${name}` },
          svg("title", null, `${bucket.title}: ${what} ${format(value)}`)));
      }
      below += value;
    }
    if (n % Math.ceil(buckets.length / (small ? 4 : 8)) === 0) {
      nodes.push(svg("text", { x: left + (n + 0.5) * room, y: high - 4, class: "axis", "text-anchor": "middle" }, bucket.short));
    }
  });
  const legend = el("p", { class: "legend" }, parts.map(([name, what]) => el("span", { class: name }, what)));
  return el("figure", null, el("figcaption", null, label),
    svg("svg", { viewBox: `0 0 ${wide} ${high}`, class: "chart", role: "img", "aria-label": label }, nodes.flat()), legend);
}

/** Asks before something is done that cannot be undone. */
export function sure(question, yes) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { "aria-label": question });
    const close = (answer) => () => dialog.close(answer);
    dialog.append(el("p", null, question), el("p", { class: "actions" },
      button(yes, close("yes"), { class: "danger", "data-key": "yes" }), button("Cancel", close(""), { class: "quiet", autofocus: true })));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A form in a dialogue. `fields` are `[name, label, input]`; `send` gets the values, and its errors show at their fields. */
export function ask(title, fields, yes, send) {
  const errors = new Map();
  const rows = fields.map(([name, label, input]) => {
    const error = el("span", { class: "bad", id: `error-${name}`, role: "alert" });
    errors.set(name, { error, input });
    input.name = name;
    return el("label", { class: input.type === "checkbox" ? "check" : null }, el("span", null, label), input, error);
  });
  const general = el("p", { class: "bad", role: "alert" });
  const submit = el("button", null, yes);
  const dialog = el("dialog", { "aria-label": title });
  const form = el("form", { novalidate: true }, el("h3", null, title), rows, general,
    el("p", { class: "actions" }, submit, button("Cancel", () => dialog.close(), { class: "quiet" })));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    general.textContent = "";
    for (const { error, input } of errors.values()) {
      error.textContent = "";
      input.removeAttribute("aria-invalid");
    }
    try {
      await send(Object.fromEntries(fields.map(([name, , input]) => [name, input.type === "checkbox" ? input.checked : input.value.trim()])));
      dialog.close();
    } catch (trouble) {
      let first = null;
      const rest = (trouble.errors ?? []).filter(({ pointer, detail }) => {
        const at = errors.get(pointer.replace(/^\//, "").split("/")[0]);
        if (!at) return true;
        at.error.textContent = detail;
        at.input.setAttribute("aria-invalid", "true");
        at.input.setAttribute("aria-describedby", at.error.id);
        first ??= at.input;
        return false;
      });
      if (!first || rest.length) general.textContent = rest.length ? rest.map(({ pointer, detail }) => `${pointer}: ${detail}`).join(" ") : trouble.message;
      first?.focus();
    } finally {
      submit.disabled = false;
    }
  });
  dialog.append(form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export const input = (props) => el("input", { type: "text", autocomplete: "off", spellcheck: "false", ...props });
export const select = (options, value, props) =>
  el("select", { ...props, value: undefined }, options.map(([name, text]) => el("option", { value: name, selected: name === value }, text)));
