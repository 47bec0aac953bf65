import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linkFirstOperator } from "../../src/auth/operator-links.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "../http/server.ts";

let db: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

test("it stands on the platform's host alone, and runs its own script and no other", async () => {
  const page = await server.get("admin.localhost", "/operator");
  expect(page.status).toBe(200);
  const policy = String(page.headers["content-security-policy"]);
  expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[\w+/=]+'; connect-src 'self'; style-src/);
  expect(page.text.match(/<script/g)).toHaveLength(1);
  expect((await server.get("acme.localhost", "/operator")).status).toBe(404);
});

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.warn(`Skipped: a link in a browser. There is no ${CHROMIUM}: apt-get install chromium`);

test.skipIf(!hasChromium)(
  "a link in a browser makes the first operator, once",
  async () => {
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--headless", "--no-sandbox", "--disable-gpu"],
    });
    try {
      const tab = await browser.newPage();
      const link = await linkFirstOperator(db.platform, "test");
      const address = `http://admin.localhost:${server.port}/operator#${link!.token}`;
      await tab.goto(address);
      await tab.fill("input[name=email]", "ann@ops.example");
      await tab.fill("input[name=password]", "1234567890");
      await tab.click("button");
      await tab.getByText("tried first").waitFor();
      await tab.fill("input[name=password]", "a few words of mine");
      await tab.click("button");
      await tab.getByText("You are in").waitFor();
      expect(await tab.textContent(".who")).toBe("You are in, ann@ops.example, as owner.");
      expect(await tab.getByRole("region", { name: "Token for the platform API" }).textContent()).toMatch(
        /^rhop_[\w-]{43}$/,
      );
      expect(await tab.locator("form").isVisible()).toBe(false);
      expect(tab.url()).not.toContain(link!.token);

      await tab.goto("about:blank");
      await tab.goto(address);
      await tab.fill("input[name=email]", "eve@ops.example");
      await tab.fill("input[name=password]", "a few words of mine");
      await tab.click("button");
      await tab.getByText("expired or was used").waitFor();
    } finally {
      await browser.close();
    }
  },
  180_000,
);
