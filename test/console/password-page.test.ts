import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inviteMember } from "../../src/auth/members.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { deskOf, lastLink, OPERATOR, supabase, taken } from "../http/auth/client.ts";
import { testServer, type TestServer } from "../http/server.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.warn(`Skipped: a password by a link. There is no ${CHROMIUM}: apt-get install chromium`);

describe.skipIf(!hasChromium)("in a browser", { timeout: 180_000 }, () => {
  let db: TestDatabase;
  let server: TestServer;
  let browser: Browser;
  let origin: string;
  beforeAll(async () => {
    db = await testDatabase();
    server = await testServer(db);
    origin = `http://acme.localhost:${server.port}`;
    await setting("brand", { name: "Acme <b>&</b> Sons", color: "#0b4f8a", tagline: "Anvils & rockets" });
    await setting("site_url", `${origin}/docs`);
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--headless", "--no-sandbox", "--disable-gpu"],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await db?.close();
  });

  const setting = async (name: string, value: unknown) => {
    const { id } = await db.tenant("acme");
    await db.admin.query(
      `insert into tenant.settings (tenant_id, name, value, is_public) values ($1, $2, $3, true)
       on conflict (tenant_id, name) do update set value = excluded.value`,
      [id, name, JSON.stringify(value)],
    );
  };
  /** As `rowhouse user invite` does it. */
  const invite = async (email: string) => {
    const place = { tenantName: "Acme", origin, redirectTo: null };
    await inviteMember(await deskOf(db, "acme"), OPERATOR, { email, role: "manager", profile: { custom: {} } }, place);
    return (await lastLink(db, email)).url.href;
  };
  async function open(url: string, options: Parameters<Browser["newPage"]>[0] = {}) {
    const tab = await browser.newPage(options);
    const complaints: string[] = [];
    // 422 and 403 are answers that are looked for here.
    tab.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !message.text().includes("the server responded"))
        complaints.push(message.text());
    });
    tab.on("pageerror", (error) => complaints.push(error.message));
    await tab.goto(url);
    return { tab, complaints };
  }
  const overflow = (tab: Page) =>
    tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  test.each([
    ["wide", { viewport: { width: 1280, height: 800 } }],
    ["narrow", { viewport: { width: 320, height: 640 } }],
    ["dark", { colorScheme: "dark" }],
  ] as const)("who is invited sets a password, is led to the site, and signs in by it: %s", async (name, options) => {
    const email = `${name}@acme.example`;
    const link = await invite(email);
    const { tab, complaints } = await open(link, options);
    expect(await tab.getByRole("heading", { level: 1 }).textContent()).toBe("Acme <b>&</b> Sons");
    expect(await tab.evaluate("getComputedStyle(document.querySelector('header')).backgroundColor")).toBe(
      "rgb(11, 79, 138)",
    );
    await tab.getByText(email).waitFor();
    await expect.poll(() => tab.evaluate("document.activeElement.name")).toBe("password");

    // The browser itself holds back what is too short.
    await tab.getByLabel("New password").fill("short");
    await tab.getByRole("button", { name: "Set the password" }).click();
    expect(await tab.locator("input:invalid").count()).toBe(1);
    expect(tab.url()).toBe(link);

    await tab.getByLabel("New password").fill("password1234");
    await tab.getByRole("button", { name: "Set the password" }).click();
    await tab.getByRole("alert").waitFor();
    expect(await tab.getByRole("alert").textContent()).toContain("tried first");
    expect(await tab.getByLabel("New password").inputValue()).toBe("");
    expect(await overflow(tab)).toBe(0);

    await tab.getByLabel("New password").fill("one more walk by the sea");
    await tab.getByRole("button", { name: "Set the password" }).click();
    await tab.getByText("Your password is set.").waitFor();
    expect(tab.url()).toBe(`${origin}/auth/v1/verify`);
    expect(await overflow(tab)).toBe(0);
    await tab.getByRole("link", { name: "Go to Acme <b>&</b> Sons" }).click();
    await tab.waitForURL(`${origin}/docs`);
    expect(complaints).toEqual([]);

    const client = supabase(server, await db.tenant("acme"));
    const { user } = taken(await client.auth.signInWithPassword({ email, password: "one more walk by the sea" }));
    expect(user.app_metadata["role"]).toBe("manager");

    await tab.goto(link);
    await tab.getByRole("heading", { name: "The link has expired or was used" }).waitFor();
    await tab.close();
  });

  test("half a link is told in words", async () => {
    const { tab } = await open(`${origin}/auth/v1/verify?type=invite`);
    expect(await tab.getByRole("heading", { level: 1 }).textContent()).toBe("The link is not whole");
    await tab.close();
  });
});
