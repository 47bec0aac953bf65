import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveGuild } from "../catalog/guild.ts";
import { PATIENCE_MS, testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  db = await testDatabase();
  await serveGuild(db);
  server = await testServer(db);
});
afterAll(async () => {
  await server.close();
  await db.close();
});

interface Document {
  readonly paths: Record<string, object>;
}

describe("/openapi.json of several schemas", () => {
  const paths = async (path: string, headers = {}) => {
    const answer = await server.get("acme.localhost", path, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.vary).toContain("Accept-Profile");
    return Object.keys(answer.json<Document>().paths);
  };
  test("is of the first, or of the one that the address or the header names", async () => {
    expect(await paths("/openapi.json")).toContain("/customers");
    expect(await paths("/openapi.json")).not.toContain("/members");
    for (const found of [
      await paths("/openapi.json?schema=guild"),
      await paths("/openapi.json", { "accept-profile": "guild" }),
    ])
      expect(found).toEqual(expect.arrayContaining(["/members", "/rpc/add_them"]));
  });
  test("no other", async () => {
    for (const schema of ["platform", "pg_catalog", "nothing"])
      expect((await server.get("acme.localhost", `/openapi.json?schema=${schema}`)).status).toBe(406);
  });
});

test("the root of the API is OpenAPI 2.0, of the schema that is asked for", async () => {
  await using own = await testDatabase(); // requests are refused while a table is not protected, as the guild's are not
  await own.admin.query(`
    create schema extra; select platform.add_schema('extra');
    create function extra.twice(n int) returns int language sql immutable as 'select 2 * n';
    grant execute on function extra.twice to rowhouse_api`);
  await using extra = await testServer(own);
  const token = await extra.token("acme");
  const ask = (headers = {}) => extra.get("acme.localhost", "/rest/v1/", { token, headers });
  const answer = await ask({ "accept-profile": "extra" });
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/openapi+json; charset=utf-8"]);
  const document = answer.json<Document & { swagger: string; basePath: string }>();
  expect([document.swagger, document.basePath, ...Object.keys(document.paths)]).toEqual([
    "2.0",
    "/rest/v1",
    "/",
    "/rpc/twice",
  ]);
  expect(Object.keys((await ask()).json<Document>().paths)).toContain("/customers");
});

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium)
  console.warn(`Skipped: the documentation in a browser. There is no ${CHROMIUM}: apt-get install chromium`);

describe.skipIf(!hasChromium)("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--headless", "--no-sandbox", "--disable-gpu"],
      timeout: 120_000,
    });
  }, 180_000);
  afterAll(() => browser?.close());

  test("a schema can be chosen, and its functions are shown with their arguments", async () => {
    const tab = await browser.newPage();
    tab.setDefaultTimeout(PATIENCE_MS);
    const complaints: string[] = [];
    tab.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
    tab.on("pageerror", (error) => complaints.push(error.message));
    await tab.goto(`http://acme.localhost:${server.port}/docs`, { waitUntil: "networkidle" });
    await tab.locator("select#select").selectOption({ label: "guild" });
    await tab.locator("#operations-tag-rpc").click();
    const call = tab.locator('.opblock-get:has([data-path="/rpc/add_them"])');
    await call.locator(".opblock-summary-control").click();
    await call.locator(".parameter__name", { hasText: /^a/ }).waitFor();
    expect(await call.locator(".opblock-description").textContent()).toContain("The sum of two numbers.");
    if (process.env["TEST_SCREENSHOT"] !== undefined) await tab.screenshot({ path: process.env["TEST_SCREENSHOT"] });
    expect(complaints).toEqual([]);
    await tab.close();
  }, 180_000);
});
