// The administrators' page in a real browser: what an administrator does with it, on a desktop and on a phone, light and dark.
// SHOTS may name a folder for pictures, PAGE_URL another place that the page is served from.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const { API_URL, CHROMIUM, NODE_TOOLS, SHOTS, TEST_EMAIL, TEST_PASSWORD, PLAIN_EMAIL, PLAIN_PASSWORD } = process.env;
const { HOSTILE_TASK, HOSTILE_TEXT, DEAD_TASK, SCHEDULE } = process.env;
const PAGE = `${process.env.PAGE_URL ?? API_URL}/admin`;
const VIEWS = ["overview", "tasks", "statistics", "schedules", "letters", "tokens"];
const { chromium } = createRequire(join(NODE_TOOLS, "package.json"))("playwright-core");
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", ...quiet] });

/** What the console complained of; answers of the API that are no success are told there, too. */
function listen(page) {
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  return {
    none: () => assert.deepEqual(problems, []),
    refused: () => {
      assert.ok(problems.length > 0 && problems.every((text) => text.startsWith("Failed to load resource")), problems.join("\n"));
      problems.length = 0;
    },
  };
}

async function logIn(page, email, password) {
  await page.goto(PAGE);
  await page.fill("#login input[name=email]", email);
  await page.fill("#login input[name=password]", password);
  await page.click("#login button");
}

/** The view of this name, once it shows something. */
async function open(page, view, query = "") {
  await page.evaluate((hash) => { location.hash = hash; }, `${view}${query}`);
  await page.waitForFunction((name) => document.querySelector(`#tabs [data-view=${name}]`)?.ariaCurrent === "page"
    && !document.querySelector("#view").hasAttribute("aria-busy"), view);
}

const row = (page, text) => page.locator("#view tbody tr", { hasText: text }).first();
const said = (page, text) => page.locator("#said", { hasText: text }).waitFor();

async function fits(page, what) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${what}: ${wide} px wide in a window of ${room}`);
}

async function everyView(name, viewport, colorScheme) {
  const page = await browser.newPage({ viewport, colorScheme });
  const problems = listen(page);
  const shot = async (what) => SHOTS && page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}-${what}.png`), fullPage: true });
  await page.goto(PAGE);
  await shot("login");
  await fits(page, `${name}, login`);
  await logIn(page, TEST_EMAIL, TEST_PASSWORD);
  await page.waitForSelector("#view .card");
  for (const view of VIEWS) {
    await open(page, view);
    await page.waitForSelector("#view h2");
    await shot(view);
    await fits(page, `${name}, ${view}`);
  }
  await open(page, "tasks", `?id=${HOSTILE_TASK}`);
  await page.waitForSelector("#view .detail");
  await shot("task");
  await fits(page, `${name}, a task`);
  await open(page, "schedules");
  await page.click("text=Add a schedule");
  await page.waitForSelector("dialog[open]");
  await shot("form");
  await fits(page, `${name}, a form`);
  await page.keyboard.press("Escape");
  problems.none();
  await page.close();
}

async function work() {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const problems = listen(page);
  await logIn(page, TEST_EMAIL, TEST_PASSWORD);

  // Queues.
  await page.waitForSelector("#view .card");
  const queues = await page.locator("#view .card h3 a[data-key^=queue-]").allTextContents();
  assert.deepEqual(queues, ["high", "default", "low", "scheduled", "relay", "deliver"]);
  assert.match(await page.textContent("#alerts"), /Mail: set/);

  // Tasks: filters, and what is hostile is text.
  await open(page, "tasks");
  await page.fill("#view input[name=kind]", "mail");
  await page.selectOption("#view select[name=status]", "dead");
  await page.waitForFunction(() => location.hash === "#tasks?kind=mail&status=dead");
  await page.waitForFunction(() => [...document.querySelectorAll("#view td[data-title=Status]")].every((cell) => cell.textContent === "dead"));
  await page.waitForSelector(`#view tr[data-row="${HOSTILE_TASK}"]`);
  await page.locator(`[data-key="run-${HOSTILE_TASK}"]`).click();
  const detail = page.locator("#view .detail");
  await detail.waitFor();
  assert.ok((await detail.locator("pre").allTextContents()).some((text) => text.includes(HOSTILE_TEXT)), "the error is shown as it is");
  assert.equal(await page.locator("#view img, #view script, #view iframe").count(), 0);
  assert.match(await page.title(), /^Tasks/);
  // It stays open, and the focus where it was, while rows are asked for again.
  await page.locator(`[data-key="run-${HOSTILE_TASK}"]`).focus();
  await page.waitForResponse((answer) => answer.url().includes("/admin/tasks?"));
  await page.waitForTimeout(300);
  assert.equal(await detail.count(), 1);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.key), `run-${HOSTILE_TASK}`);

  // A schedule: run now, and its run appears by itself; changed, with errors at their fields; disabled; deleted.
  await open(page, "schedules");
  const schedule = row(page, SCHEDULE);
  assert.match(await schedule.textContent(), /never/);
  assert.ok((await schedule.textContent()).includes(HOSTILE_TEXT), "its description is shown as it is");
  assert.equal(await page.locator("#view img, #view script").count(), 0);
  await schedule.locator("button", { hasText: "Run now" }).click();
  await said(page, `${SCHEDULE}: its task is queued.`);
  await schedule.locator(".badge.succeeded").waitFor({ timeout: 30_000 });
  await schedule.locator("button", { hasText: "Change" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.locator("input[name=cron]").fill("every full moon");
  await dialog.locator("input[name=timezone]").fill("");
  problems.none();
  await dialog.locator("button", { hasText: "Save" }).click();
  await dialog.locator("input[name=cron][aria-invalid]").waitFor();
  assert.ok((await dialog.locator("#error-cron").textContent()).length > 10);
  assert.equal(await page.evaluate(() => document.activeElement.name), "cron");
  problems.refused();
  await dialog.locator("input[name=cron]").fill("30 4 29 2 *");
  await dialog.locator("input[name=timezone]").fill("Asia/Kolkata");
  await dialog.locator("button", { hasText: "Save" }).click();
  await schedule.locator("code", { hasText: "30 4 29 2 *" }).waitFor();
  await schedule.locator("button", { hasText: "Disable" }).click();
  await schedule.locator(".badge", { hasText: "disabled" }).waitFor();
  await schedule.locator("button", { hasText: "Delete" }).click();
  await page.locator("dialog[open] button", { hasText: "Delete" }).click();
  await schedule.waitFor({ state: "detached" });

  // A dead letter with its reason, and back to its queue.
  await open(page, "letters", "?queue=default");
  // Other tests look at the same dead letters, and who looks hides them for a moment.
  const reasons = page.locator("#view td[data-title=Reason]");
  for (let tries = 0; tries < 20 && (await reasons.count()) === 0; tries += 1) {
    await page.waitForTimeout(1200);
    await page.click("text=Look again");
    await page.waitForResponse((answer) => answer.url().endsWith("/dead-letters"));
    await page.waitForTimeout(200);
  }
  assert.ok((await reasons.count()) > 0);
  await open(page, "tasks", `?id=${DEAD_TASK}`);
  const dead = page.locator(`#view tr[data-row="${DEAD_TASK}"]`);
  await dead.locator(".badge.dead").waitFor();
  for (let tries = 0; tries < 10; tries += 1) {
    await page.locator("#view .detail button", { hasText: "Send back" }).click();
    await page.locator("dialog[open] button", { hasText: "Send back" }).click();
    await page.waitForFunction(() => /Sent back|not among/.test(document.querySelector("#said.shown")?.textContent));
    if ((await page.textContent("#said")).startsWith("Sent back")) break;
    await page.waitForTimeout(1200);
  }
  await dead.locator(".badge.succeeded").waitFor({ timeout: 30_000 });

  // The API is away: it says that it is stale, backs off, and comes back by itself.
  await open(page, "overview");
  await page.waitForSelector("#view .card");
  await page.route("**/admin/queues", (route) => route.fulfill({ status: 503, headers: { "retry-after": "2" }, contentType: "application/problem+json", body: '{"detail":"Away."}' }));
  await page.locator("#fresh.bad", { hasText: "Stale: Away." }).waitFor({ timeout: 15_000 });
  assert.ok((await page.locator("#view .card").count()) === 6, "what was known stays");
  await page.unroute("**/admin/queues");
  await page.locator("#fresh:not(.bad)").waitFor({ timeout: 30_000 });

  // Nobody looks: nothing is asked for.
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  await page.waitForTimeout(500);
  let asked = 0;
  page.on("request", () => { asked += 1; });
  await page.waitForTimeout(6000);
  assert.equal(asked, 0, "a hidden page asks for nothing");
  await hide(false);
  await page.waitForResponse((answer) => answer.url().endsWith("/admin/queues"));

  // Logged out, nothing stays on the page.
  await page.click("#who button");
  await page.waitForSelector("#login:not([hidden])");
  assert.equal(await page.textContent("#view"), "");
  await page.close();
}

async function plainUser() {
  const page = await browser.newPage();
  await logIn(page, PLAIN_EMAIL, PLAIN_PASSWORD);
  await page.locator("#login .bad", { hasText: "no administrator" }).waitFor();
  assert.ok(await page.locator("#view").isHidden());
  await page.close();
}

try {
  for (const colorScheme of ["light", "dark"]) {
    await everyView("desktop", { width: 1440, height: 900 }, colorScheme);
    await everyView("phone", { width: 375, height: 812 }, colorScheme);
  }
  await plainUser();
  await work();
} finally {
  await browser.close();
}
