import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PASSWORD } from "../http/auth/client.ts";
import { eventually } from "../http/server.ts";
import {
  addDraft,
  hasChromium,
  openBrowser,
  openStage,
  reload,
  selfSigned,
  signIn,
  visit,
  type Stage,
} from "./stage.ts";

const tls = hasChromium ? selfSigned() : null;
if (hasChromium && tls === null)
  console.warn("Skipped: front ends over TLS. There is no openssl to make a certificate");

/** As in production: TLS ends at a proxy, tenants are at <slug>.BASE_DOMAIN, and a brand's page is at a domain that acme has proved to be its own. */
const BASE = "rowhouse.example";
const BRAND = "books.acme.test";

describe.skipIf(tls === null)("over TLS, behind a proxy", { timeout: 180_000 }, () => {
  let stage: Stage;
  let browser: Browser;
  beforeAll(async () => {
    stage = await openStage({
      settings: (port) => ({
        BASE_DOMAIN: BASE,
        PUBLIC_URL: `https://${BASE}:${port}`,
        publicUrl: new URL(`https://${BASE}:${port}`),
        TRUSTED_PROXIES: ["127.0.0.1"],
      }),
      brands: ({ pages }) => ({
        [BRAND]: { tenant: "acme", api: `https://api.${BASE}:${pages}`, session: "token" },
      }),
      tls: tls!,
    });
    const { id } = await stage.db.tenant("acme");
    await stage.db.admin.query(
      "insert into platform.domains (name, kind, tenant_id, verified_at) values ($1, 'custom', $2, now())",
      [BRAND, id],
    );
    browser = await openBrowser([`*.${BASE}`, "*.acme.test", "*.evil.test"]);
  });
  afterAll(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });

  const at = (host: string, path = "/") => `https://${host}:${stage.fronts.port}${path}`;
  const enter = async (host: string, email: string) => {
    const opened = await visit(browser, at(host), { ignoreHTTPSErrors: true });
    await signIn(opened.tab, email, PASSWORD);
    await opened.tab.locator("tbody tr").first().waitFor();
    return opened;
  };
  const sessionCookie = async (context: BrowserContext) =>
    (await context.cookies()).find(({ name }) => name === "__Host-session");
  const customersNamed = async (name: string) =>
    (await stage.db.admin.query("select from app.customers where name = $1", [name])).rows.length;

  test("a page on the tenant's proved domain needs no entry in CORS_ORIGINS", async () => {
    const { tab, complaints } = await enter(BRAND, "mia@acme.example");
    await tab.locator("#session", { hasText: "By token" }).waitFor();
    expect(await sessionCookie(tab.context())).toBeUndefined();
    expect(complaints).toEqual([]);
    await tab.context().close();
  });

  test("a page on the tenant's own host gets a cookie that no script can read, and no token", async () => {
    const { tab, complaints } = await enter(`acme.${BASE}`, "mia@acme.example");
    expect(await sessionCookie(tab.context())).toMatchObject({
      domain: `acme.${BASE}`,
      path: "/",
      secure: true,
      httpOnly: true,
      sameSite: "Lax",
    });
    expect(await tab.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")).toEqual(["", 0, 0]);
    await addDraft(tab, "99", "by cookie");
    await tab.locator("tr.added").getByText("by cookie").waitFor();
    await reload(tab);
    expect(await tab.locator("[data-of=role]").textContent()).toBe("manager");
    expect(complaints).toEqual([]);
    await tab.context().close();
  });

  /** A page of somebody else's in the same profile: shown as text, a file has no policy of its own that would hold it back. */
  async function hostilePage(context: BrowserContext, host: string): Promise<Page> {
    const tab = await context.newPage();
    await tab.goto(at(host, "/brand.json"));
    return tab;
  }

  test.each([
    ["another tenant's page, of the same site, so that the cookie is sent along", `globex.${BASE}`, "RH220"],
    ["a page of another site", "www.evil.test", "PGRST302"],
  ])("%s neither writes nor reads by it", async (name, host, code) => {
    const { tab } = await enter(`acme.${BASE}`, "mia@acme.example");
    const hostile = await hostilePage(tab.context(), host);
    const before = stage.server.log.length;
    const tryOut = (init: object) =>
      hostile.evaluate(
        async ([to, options]) => {
          try {
            return (await fetch(to as string, options as RequestInit)).type;
          } catch {
            return "kept";
          }
        },
        [at(`acme.${BASE}`, "/rest/v1/customers"), { credentials: "include", ...init }] as const,
      );
    // As plain text it needs no preflight.
    const body = JSON.stringify({ number: `C-${host}`, name });
    expect(await tryOut({ method: "POST", mode: "no-cors", body })).toBe("opaque");
    expect(await tryOut({})).toBe("kept");
    const answered = () => stage.server.log.slice(before).filter(({ route }) => route === "/rest/v1/*");
    await expect
      .poll(() => answered().map((line) => [line["method"], line["code"]]))
      .toEqual([
        ["POST", code],
        ["GET", code],
      ]);
    expect(await customersNamed(name)).toBe(0);
    await tab.context().close();
  });

  test("another tenant's form can't sign a visitor in, nor out", async () => {
    const { tab } = await enter(`acme.${BASE}`, "mia@acme.example");
    const cookie = await sessionCookie(tab.context());
    for (const path of ["/auth/v1/token?grant_type=password&cookie=1", "/auth/v1/logout"]) {
      const hostile = await tab.context().newPage();
      const page = { contentType: "text/html", body: "<!doctype html><p>Hostile" };
      await hostile.route("**/hostile", (route) => route.fulfill(page));
      await hostile.goto(at(`globex.${BASE}`, "/hostile"));
      const before = stage.server.log.length;
      await hostile.evaluate(
        ([to, password]) => {
          const form = Object.assign(document.createElement("form"), { method: "post", action: to });
          for (const [name, value] of Object.entries({ email: "vic@acme.example", password: password! }))
            form.append(Object.assign(document.createElement("input"), { name, value }));
          document.body.append(form);
          setTimeout(() => form.submit()); // it takes this script's page away
        },
        [at(`acme.${BASE}`, path), PASSWORD],
      );
      await eventually(async () => {
        const answered = stage.server.log.slice(before).filter(({ method }) => method === "POST");
        expect(answered.map(({ status, code }) => [status, code])).toEqual([[403, "RH220"]]);
      });
    }
    expect(await sessionCookie(tab.context())).toEqual(cookie);
    await reload(tab);
    expect(await tab.locator("#room").isVisible()).toBe(true);
    // Left to the browser's end: Chromium takes up to a minute to close a page that a refused form led away.
  });

  test("signing out takes the cookie away and ends what it stood for", async () => {
    const { tab } = await enter(`globex.${BASE}`, "vic@globex.example");
    const { name, value } = (await sessionCookie(tab.context()))!;
    const ask = () =>
      stage.server.get(`globex.${BASE}:${stage.fronts.port}`, "/rest/v1/invoices?limit=1", {
        headers: { cookie: `${name}=${value}`, "sec-fetch-site": "same-origin" },
      });
    expect((await ask()).status).toBe(200);
    await tab.getByRole("button", { name: "Sign out" }).click();
    await tab.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await sessionCookie(tab.context())).toBeUndefined();
    const after = await ask();
    expect([after.status, after.json()["code"]]).toEqual([401, "RH207"]);
    await tab.context().close();
  });
});
