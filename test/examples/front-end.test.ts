import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkBrand, policyOf } from "../../examples/front-end/build.ts";
import { setTenantStatus } from "../../src/tenant/change.ts";
import { lastLink, PASSWORD } from "../http/auth/client.ts";
import { eventually } from "../http/server.ts";
import { addDraft, hasChromium, openBrowser, openStage, reload, signIn, visit, type Stage } from "./stage.ts";

describe("a build", () => {
  test("may talk to its API and to nobody else, and runs nothing but its own files", () => {
    const policy = policyOf({ tenant: "acme", api: "https://api.example.com", session: "token" });
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain("connect-src 'self' https://api.example.com;");
    expect(policyOf({ session: "cookie" })).toContain("connect-src 'self';");
  });

  test.each([
    { session: "cookie", api: "https://api.example.com" },
    { session: "cookie", tenant: "acme" },
    { session: "" },
  ])("can't be made of %o", (brand) => {
    expect(() => checkBrand(brand as never)).toThrow(/session|cookie/);
  });
});

describe.skipIf(!hasChromium)("brands on origins of their own, with tokens", { timeout: 180_000 }, () => {
  let stage: Stage;
  let browser: Browser;
  beforeAll(async () => {
    stage = await openStage({
      settings: (port) => ({
        CORS_ORIGINS: ["acme", "globex"].map((slug) => `${slug}=http://${slug}-books.localhost:${port}`),
      }),
      brands: ({ api }) =>
        Object.fromEntries(
          ["acme", "globex"].map((tenant) => [
            `${tenant}-books.localhost`,
            { tenant, api: `http://api.localhost:${api}`, session: "token" },
          ]),
        ),
    });
    await setBrand("acme", { name: "Acme <b>&</b> Sons", color: "#0b4f8a", tagline: "Anvils & rockets" });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });

  const setBrand = async (slug: string, value: object) => {
    const { id } = await stage.db.tenant(slug);
    await stage.db.admin.query("update tenant.settings set value = $2 where name = 'brand' and tenant_id = $1", [
      id,
      JSON.stringify(value),
    ]);
  };
  const address = (slug: string) => `http://${slug}-books.localhost:${stage.fronts.port}/`;
  const api = () => `http://api.localhost:${stage.server.port}`;
  const open = (slug: string, options = {}) => visit(browser, address(slug), options);
  const invoicesOf = async (slug: string, where = "true") => {
    const { id } = await stage.db.tenant(slug);
    const { rows } = await stage.db.admin.query<{ number: string | null; name: string }>(
      `select i.number, c.name from app.invoices i join app.customers c on (c.tenant_id, c.id) = (i.tenant_id, i.customer_id)
       where i.tenant_id = $1 and ${where}`,
      [id],
    );
    return rows;
  };
  const rowsOf = (tab: Page) => tab.locator("tbody tr");
  const enter = async (slug: string, who: string) => {
    const opened = await open(slug);
    await signIn(opened.tab, `${who}@${slug}.example`, PASSWORD);
    await rowsOf(opened.tab).first().waitFor();
    return opened;
  };
  /** What a script of the page gets from elsewhere: the status, or that the browser keeps the answer to itself. */
  const fetchIn = (tab: Page, url: string, init: object = {}) =>
    tab.evaluate(
      async ([to, options]) => {
        try {
          return (await fetch(to as string, options as RequestInit)).status;
        } catch {
          return "kept";
        }
      },
      [url, init] as const,
    );

  test("show their tenant's name and colour before anybody has signed in, and ask for nothing else", async () => {
    const { tab, complaints, asked } = await open("acme");
    expect(await tab.title()).toBe("Invoices · Acme <b>&</b> Sons");
    expect(await tab.locator("#door .name").textContent()).toBe("Acme <b>&</b> Sons");
    expect(await tab.getByText("Anvils & rockets").isVisible()).toBe(true);
    const button = tab.getByRole("button", { name: "Sign in" });
    expect(await button.evaluate((element) => getComputedStyle(element as never).backgroundColor)).toBe(
      "rgb(11, 79, 138)",
    );
    expect(complaints).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(address("acme")) && !url.startsWith("data:"))).toEqual([
      `${api()}/tenant.json`,
    ]);
    const other = await open("globex");
    expect(await other.tab.locator("#door .name").textContent()).toBe("Globex");
    await Promise.all([tab.context().close(), other.tab.context().close()]);
  });

  test("sign in by token, after preflights, and show the tenant's own rows with their customers", async () => {
    for (const slug of ["acme", "globex"]) {
      const { tab, complaints } = await enter(slug, "mia");
      const own = await invoicesOf(slug);
      expect(await tab.locator("#count").textContent()).toBe(`12 of ${own.length.toLocaleString("en-US")}`);
      const known = new Set(own.map(({ number, name }) => `${number} ${name}`));
      const shown = await rowsOf(tab).evaluateAll((rows) =>
        rows.map((row) => [...row.querySelectorAll("td")].slice(0, 2).map((cell) => cell.firstChild?.textContent)),
      );
      expect(shown).toHaveLength(12);
      expect(shown.filter(([number]) => /^\d/.test(number!)).length).toBeGreaterThan(0);
      expect(shown.filter(([number, name]) => /^\d/.test(number!) && !known.has(`${number} ${name}`))).toEqual([]);
      expect(complaints).toEqual([]);
      await tab.context().close();
    }
    const preflights = stage.server.log.filter(({ method, status }) => method === "OPTIONS" && status === 204);
    expect(preflights.length).toBeGreaterThanOrEqual(4);
  });

  test("a wrong password is said, and the field is there to try again", async () => {
    const { tab } = await open("acme");
    await signIn(tab, "mia@acme.example", "not the password");
    await tab.getByRole("alert").getByText("E-mail or password is wrong").waitFor();
    expect(await tab.locator(":focus").getAttribute("id")).toBe("password");
    await tab.context().close();
  });

  test("a manager adds a row, by keyboard if need be", async () => {
    const { tab, complaints } = await enter("acme", "mia");
    await addDraft(tab, "1250.5", "PO 4711");
    await tab.locator("tr.added").getByText("PO 4711").waitFor();
    expect(await tab.locator("tr.added .amount").textContent()).toBe("$1,250.50");
    expect(
      await invoicesOf("acme", "i.reference = 'PO 4711' and i.net_cents = 125050 and i.status = 'draft'"),
    ).toHaveLength(1);
    await tab.getByRole("button", { name: "New draft" }).focus();
    await tab.keyboard.press("Enter");
    await tab.getByRole("dialog", { name: "New draft" }).waitFor();
    await tab.keyboard.press("Escape");
    await tab.getByRole("dialog", { name: "New draft" }).waitFor({ state: "hidden" });
    expect(await tab.locator("#draft").evaluate((dialog) => (dialog as unknown as { open: boolean }).open)).toBe(false);
    expect(complaints).toEqual([]);
    await tab.context().close();
  });

  test("a viewer is told what a viewer may not do, where it happened", async () => {
    const { tab } = await enter("globex", "vic");
    await addDraft(tab, "10", "PO of a viewer");
    const alert = tab.getByRole("dialog").getByRole("alert");
    await alert.getByText("Your role does not allow this").waitFor();
    expect(await alert.textContent()).toContain("The role viewer may not insert into app.invoices");
    expect(await tab.getByLabel("Amount before tax").inputValue()).toBe("10");
    expect(await invoicesOf("globex", "i.reference = 'PO of a viewer'")).toEqual([]);
    await tab.context().close();
  });

  test("acme's page can't read globex, with a token of acme or without one", async () => {
    const { tab } = await visit(browser, address("acme"), { bypassCSP: true });
    await signIn(tab, "mia@acme.example", PASSWORD);
    await rowsOf(tab).first().waitFor();
    const stored = (await tab.evaluate("localStorage.getItem('sb-api-auth-token')")) as string;
    const Authorization = `Bearer ${(JSON.parse(stored) as { access_token: string }).access_token}`;
    const rows = "/rest/v1/invoices?select=id&limit=1";
    expect(await fetchIn(tab, api() + rows, { headers: { Authorization, "X-Tenant": "acme" } })).toBe(200);
    const globex = `http://globex.localhost:${stage.server.port}`;
    expect([
      await fetchIn(tab, `${api()}/tenant.json`, { headers: { "X-Tenant": "globex" } }),
      await fetchIn(tab, `${globex}/tenant.json`),
      await fetchIn(tab, globex + rows, { headers: { Authorization } }),
    ]).toEqual(["kept", "kept", "kept"]);
    // At one API for all, acme's own token with another's name: refused, whoever may read that.
    const answer = await stage.server.get("api.localhost", rows, {
      headers: { authorization: Authorization, "x-tenant": "globex", origin: address("acme").slice(0, -1) },
    });
    expect([answer.status, answer.json()["code"]]).toEqual([403, "RH104"]);
    await tab.context().close();
  });

  test("the session is renewed, survives a reload, and ends when signing out", async () => {
    const { tab } = await enter("acme", "mia");
    const session = async () =>
      JSON.parse((await tab.evaluate("localStorage.getItem('sb-api-auth-token')")) ?? "null") as Record<
        "access_token" | "refresh_token",
        string
      > | null;
    const first = await session();
    await tab.getByRole("button", { name: "Refresh the session" }).click();
    await tab.getByText("Refreshed.").waitFor();
    const second = (await session())!;
    expect(second.refresh_token).not.toBe(first!.refresh_token);
    await reload(tab);
    await rowsOf(tab).first().waitFor();
    await tab.getByRole("button", { name: "Sign out" }).click();
    await tab.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await session()).toBeNull();
    // supabase-js forgets the session first, and tells the server after that.
    await eventually(async () => {
      const { access_token: token } = second;
      const after = await stage.server.get("acme.localhost", "/rest/v1/invoices?limit=1", { token });
      expect([after.status, after.json()["code"]]).toEqual([401, "RH207"]);
    });
    await tab.context().close();
  });

  test("a forgotten password: a mail, its link's page in the tenant's colour, and back here to set another", async () => {
    const { tab, complaints } = await open("acme");
    await tab.getByLabel("E-mail").fill("vic@acme.example");
    await tab.getByRole("button", { name: "Forgot" }).click();
    await tab.getByText("a link is on its way").waitFor();
    const { url } = await lastLink(stage.db, "vic@acme.example");
    await tab.goto(`http://${url.hostname}:${stage.server.port}${url.pathname}${url.search}`);
    const button = tab.getByRole("button", { name: "Set a new password" });
    expect(await button.evaluate((element) => getComputedStyle(element as never).backgroundColor)).toBe(
      "rgb(11, 79, 138)",
    );
    await button.click();
    const field = tab.getByRole("dialog", { name: "Set a password" }).getByLabel("New password");
    await field.fill("1234567890");
    await tab.keyboard.press("Enter");
    await tab
      .getByRole("dialog")
      .getByRole("alert")
      .getByText(/password/i)
      .waitFor();
    await field.fill("a quiet room upstairs");
    await tab.keyboard.press("Enter");
    await tab.getByRole("dialog").waitFor({ state: "hidden" });
    expect(tab.url()).not.toContain("access_token");
    await tab.getByRole("button", { name: "Sign out" }).click();
    await signIn(tab, "vic@acme.example", "a quiet room upstairs");
    await rowsOf(tab).first().waitFor();
    expect(complaints).toEqual([]);
    await tab.getByRole("button", { name: "Sign out" }).click();
    await tab.getByRole("heading", { name: "Sign in" }).waitFor();
    await tab.goto(`http://${url.hostname}:${stage.server.port}${url.pathname}${url.search}`);
    await tab.getByRole("button", { name: "Set a new password" }).click();
    await tab.waitForURL(`${address("acme")}**`);
    await tab.getByRole("alert").getByText("Email link is invalid or has expired").waitFor();
    await tab.context().close();
  });

  test("who is deactivated while at work is back at the door, and told", async () => {
    const { tab } = await enter("globex", "mia");
    await stage.db.admin.query("update tenant.users set is_active = false where email = 'mia@globex.example'");
    await tab.getByText("Overdue", { exact: true }).click();
    await tab.getByRole("alert").getByText("You were signed out").waitFor();
    expect(await tab.locator("#room").isVisible()).toBe(false);
    await tab.context().close();
  });

  test("a suspended tenant's page says so: the refusal can be read there", async () => {
    await setTenantStatus(stage.db.platform, "globex", "suspended", "test");
    await eventually(async () => {
      const { tab } = await open("globex");
      const text = await tab.locator("#refused").textContent();
      expect([text?.includes("The tenant is suspended"), text?.includes("RH103")]).toEqual([true, true]);
      await tab.context().close();
    });
    await setTenantStatus(stage.db.platform, "globex", "active", "test");
  });

  test.each(["light", "dark"] as const)("nothing is cut off on a phone, %s", async (colorScheme) => {
    const { tab } = await open("acme", { viewport: { width: 320, height: 640 }, colorScheme });
    const overflow = () => tab.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect(await overflow()).toBeLessThanOrEqual(0);
    await signIn(tab, "mia@acme.example", PASSWORD);
    await rowsOf(tab).first().waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
    await tab.context().close();
  });
});
