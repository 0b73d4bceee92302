// The documentation page in a real browser: it logs in, calls, breaks no rule of its policy, and fits a phone.
// SHOTS may name a folder for pictures.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const { API_URL, CHROMIUM, NODE_TOOLS, SHOTS, TEST_EMAIL, TEST_PASSWORD } = process.env;
const { chromium } = createRequire(join(NODE_TOOLS, "package.json"))("playwright-core");
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", ...quiet] });
try {
  for (const [name, width, height] of [["desktop", 1280, 900], ["phone", 390, 844]]) {
    const page = await browser.newPage({ viewport: { width, height } });
    const problems = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(String(error)));
    const shot = async (what) => SHOTS && page.screenshot({ path: join(SHOTS, `${name}-${what}.png`) });

    await page.goto(`${API_URL}/docs`);
    await page.waitForSelector(".opblock");
    await shot("opened");
    await page.fill("input[name=email]", TEST_EMAIL);
    await page.fill("input[name=password]", TEST_PASSWORD);
    await page.click("#login button");
    await page.waitForFunction(() => !document.querySelector("#login button").disabled);
    assert.match(await page.textContent("#login output"), /^Logged in as/);
    const operation = page.locator(".opblock-get", { has: page.locator("[data-path='/auth/me']") }).first();
    await operation.locator(".opblock-summary-control").click();
    await operation.locator(".execute").click();
    const answer = operation.locator(".live-responses-table");
    await answer.waitFor();
    assert.match(await answer.textContent(), new RegExp(TEST_EMAIL.replace(/[.+]/g, "\\$&")));
    await operation.scrollIntoViewIfNeeded();
    await shot("called");
    assert.deepEqual(problems, []);
    const [wide, room] = await page.evaluate(() => [document.body.scrollWidth, innerWidth]);
    assert.ok(wide <= room, `${name}: ${wide} px wide in a window of ${room}`);
    await page.close();
  }
} finally {
  await browser.close();
}
