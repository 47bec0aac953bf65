import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setTenantStatus } from "../../src/tenant/change.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually, testServer, type TestServer } from "../http/server.ts";

let db: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  db = await testDatabase();
  await brand("acme", { name: "Acme <b>&</b> Sons", color: "#0b4f8a", tagline: "Anvils & rockets" });
  await brand("globex", { name: "Globex", color: "#ffd400" });
  await brand("initech", { name: "Initech", color: "red; } body { background: url(https://evil.example)" });
  server = await testServer(db);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

async function brand(slug: string, value: Record<string, string>): Promise<void> {
  const { id } = await db.tenant(slug);
  await db.admin.query("update tenant.settings set value = $2 where name = 'brand' and tenant_id = $1", [
    id,
    JSON.stringify(value),
  ]);
}

const page = (host: string, path = "/", headers = {}) =>
  server.get(`${host}:${server.port}`, path, { headers: { accept: "text/html,*/*;q=0.8", ...headers } });

describe("a tenant's page", () => {
  test("shows name, brand, API address, documentation and a first request", async () => {
    const answer = await page("acme.localhost");
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    const origin = `http://acme.localhost:${server.port}`;
    expect(answer.text).toContain("Acme &lt;b>&amp;&lt;/b> Sons");
    expect(answer.text).not.toContain("<b>");
    expect(answer.text).toContain("Anvils &amp; rockets");
    expect(answer.text).toContain("--brand: #0b4f8a; --on-brand: #ffffff");
    expect(answer.text).toContain(`${origin}/rest/v1`);
    expect(answer.text).toContain('href="/docs"');
    expect(answer.text).toContain(`curl '${origin}/rest/v1/customers?limit=3'`);
    expect(answer.text).toContain("npx rowhouse token acme");
    expect(answer.text).toContain("createClient(");
  });

  test("text is dark on a light brand", async () => {
    expect((await page("globex.localhost")).text).toContain("--brand: #ffd400; --on-brand: #000000");
  });

  test("a colour that is none never gets into the style", async () => {
    const { text } = await page("initech.localhost");
    expect(text).not.toContain("evil.example");
    expect(text).toContain("--brand: #9e3f29");
  });

  test("a setting that is not public is not shown", async () => {
    const { id } = await db.tenant("initech");
    await db.admin.query(
      'update tenant.settings set is_public = false, value = \'{"name": "Hidden"}\' where tenant_id = $1',
      [id],
    );
    const { text } = await page("initech.localhost");
    expect(text).not.toContain("Hidden");
    expect(text).toContain("<h1>Initech</h1>");
  });

  test("its policy lets nothing run and nothing be fetched, and its one style has a hash", async () => {
    const { headers, text } = await page("acme.localhost");
    const policy = String(headers["content-security-policy"]);
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]+=*'; img-src data:;/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(text).not.toMatch(/<script|style="|src=|onclick/);
  });

  test("a domain of its own shows that domain", async () => {
    const { id } = await db.tenant("acme");
    await db.admin.query(
      "insert into platform.domains (name, kind, tenant_id, verified_at) values ('shop.acme.example', 'custom', $1, now())",
      [id],
    );
    await eventually(async () =>
      expect((await page("shop.acme.example")).text).toContain(`http://shop.acme.example:${server.port}/rest/v1`),
    );
  });

  test("a suspended tenant's page says so and no more", async () => {
    await setTenantStatus(db.platform, "globex", "suspended", "test");
    await eventually(async () => {
      const answer = await page("globex.localhost");
      expect([answer.status, answer.headers["content-type"]]).toEqual([403, "text/html; charset=utf-8"]);
      expect(answer.text).toContain("The tenant is suspended");
      expect(answer.text).not.toContain("Globex");
    });
    await setTenantStatus(db.platform, "globex", "active", "test");
  });
});

describe("the platform's page", () => {
  test("lists the tenants' addresses and what to do next, to somebody at the machine", async () => {
    const { status, text } = await page("admin.localhost");
    expect(status).toBe(200);
    for (const slug of ["acme", "globex", "initech"])
      expect(text).toContain(`href="http://${slug}.localhost:${server.port}/"`);
    expect(text).toContain("npx rowhouse tenant create");
    expect(text).toContain("npx rowhouse export");
  });

  test.each(["x-forwarded-for", "forwarded", "via", "x-real-ip"])("lists none through a proxy: %s", async (name) => {
    const { status, text } = await page("admin.localhost", "/", { [name]: "203.0.113.9" });
    expect(status).toBe(200);
    expect(text).not.toMatch(/acme\.localhost|Globex|initech/);
    expect(text).toContain("<code>rowhouse tenant list</code>");
  });

  test("lists none where BASE_DOMAIN is a public name", async () => {
    await using other = await testServer(db, {
      settings: {
        BASE_DOMAIN: "example.com",
        PUBLIC_URL: "https://example.com",
        publicUrl: new URL("https://example.com"),
      },
    });
    const { status, text } = await other.get("admin.example.com", "/", { headers: { accept: "text/html" } });
    expect(status).toBe(200);
    expect(text).not.toMatch(/acme\.example|Globex/);
  });
});

describe("other pages", () => {
  test("BASE_DOMAIN welcomes and names no tenant", async () => {
    const { status, text } = await page("localhost");
    expect(status).toBe(200);
    expect(text).toContain(`http://&lt;tenant>.localhost:${server.port}`);
    expect(text).not.toContain("Globex");
  });

  test("an unknown host is a plain 404 page", async () => {
    const answer = await page("nobody.localhost");
    expect([answer.status, answer.headers["content-type"]]).toEqual([404, "text/html; charset=utf-8"]);
    expect(answer.text).toContain("No tenant answers at this host");
    expect(answer.text).toContain("RH101");
    expect(answer.text).toContain(answer.headers["x-request-id"]);
  });

  test("who does not ask for HTML gets a problem document", async () => {
    for (const accept of ["application/json", "*/*"]) {
      const answer = await server.get("nobody.localhost", "/", { headers: { accept } });
      expect([answer.status, answer.headers["content-type"]]).toEqual([404, "application/problem+json"]);
    }
  });

  test("a machine's path answers a machine, even to a browser", async () => {
    expect((await page("nobody.localhost", "/rest/v1/customers")).headers["content-type"]).toBe(
      "application/json; charset=utf-8",
    );
    expect((await page("nobody.localhost", "/openapi.json")).headers["content-type"]).toBe("application/problem+json");
  });
});

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.warn(`Skipped: pages in a browser. There is no ${CHROMIUM}: apt-get install chromium`);

describe.skipIf(!hasChromium)("in a browser", () => {
  const FLAGS =
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(" ") });
  });
  afterAll(() => browser?.close());

  /** Opens a page; `complaints` are what the browser holds against it: violations of its policy, failed requests, errors. */
  async function visit(host: string, path = "/", options: Parameters<Browser["newPage"]>[0] = {}) {
    const tab = await browser.newPage(options);
    const complaints: string[] = [];
    const foreign: string[] = [];
    tab.on(
      "console",
      (message) => void (["error", "warning"].includes(message.type()) && complaints.push(message.text())),
    );
    tab.on("pageerror", (error) => complaints.push(error.message));
    tab.on(
      "request",
      (request) => void (/^(data|http:\/\/[a-z]+\.localhost)/.test(request.url()) || foreign.push(request.url())),
    );
    await tab.goto(`http://${host}:${server.port}${path}`, { waitUntil: "networkidle" });
    return { tab, complaints, foreign };
  }

  const styleOf = (tab: Page, selector: string, property: string) =>
    tab
      .locator(selector)
      .first()
      .evaluate((element, name) => getComputedStyle(element as never).getPropertyValue(name as string), property);
  const overflow = (tab: Page) =>
    tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

  test.each(["light", "dark"] as const)(
    "a tenant's page in its colour, %s, without a complaint",
    async (colorScheme) => {
      const { tab, complaints, foreign } = await visit("acme.localhost", "/", { colorScheme });
      expect(await tab.title()).toBe("Acme <b>&</b> Sons");
      expect(await tab.getByRole("heading", { level: 1 }).textContent()).toBe("Acme <b>&</b> Sons");
      expect(await styleOf(tab, "header", "background-color")).toBe("rgb(11, 79, 138)");
      expect(await styleOf(tab, "main", "background-color")).toBe(
        colorScheme === "light" ? "rgb(255, 255, 255)" : "rgb(24, 27, 32)",
      );
      expect(await tab.getByRole("link", { name: "API documentation" }).getAttribute("href")).toBe("/docs");
      expect([complaints, foreign]).toEqual([[], []]);
      await tab.close();
    },
  );

  test.each(["acme.localhost", "admin.localhost", "localhost", "nobody.localhost"])("%s fits a phone", async (host) => {
    const { tab } = await visit(host, "/", { viewport: { width: 320, height: 640 } });
    expect(await overflow(tab)).toBe(0);
    await tab.close();
  });

  test("from the platform's page to a tenant's", async () => {
    const { tab } = await visit("admin.localhost");
    await tab.getByRole("link", { name: `acme.localhost:${server.port}` }).click();
    await tab.waitForURL(`http://acme.localhost:${server.port}/`);
    expect(await tab.getByRole("heading", { level: 1 }).textContent()).toContain("Acme");
    await tab.close();
  });

  test("the documentation: the tenant's tables, tried out with a token, nothing from elsewhere", async () => {
    const { tab, complaints, foreign } = await visit("acme.localhost", "/docs");
    await tab.getByRole("button", { name: "Authorize" }).first().click();
    await tab
      .locator(".auth-container input")
      .first()
      .fill(await server.token("acme"));
    await tab.locator(".auth-container button[type=submit]").first().click();
    await tab.locator(".close-modal, .btn-done").first().click();
    await tab.locator("#operations-customers-get_customers, .opblock-get").first().click();
    await tab.getByRole("button", { name: "Execute" }).first().click();
    await tab.locator(".live-responses-table .response .response-col_status").first().waitFor();
    expect(await tab.locator(".live-responses-table .response .response-col_status").first().textContent()).toContain(
      "200",
    );
    expect([complaints, foreign]).toEqual([[], []]);
    await tab.close();
  }, 180_000);
});
