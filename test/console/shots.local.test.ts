import { chromium } from "playwright-core";
import { test } from "vitest";
import { testDatabase } from "../harness.ts";
import { testServer } from "../http/server.ts";
test("shots", async () => {
  const db = await testDatabase();
  const server = await testServer(db);
  await db.admin.query(`update tenant.settings set value = value || '{"color":"#ffd400"}' where tenant_id = (select id from platform.tenants where slug='globex')`);
  await db.admin.query(`update tenant.settings set value = value || '{"color":"#0b4f8a","tagline":"Anvils, rockets and bird seed since 1949"}' where tenant_id = (select id from platform.tenants where slug='acme')`);
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  for (const [name, host, path, scheme, width] of [
    ["acme", "acme.localhost", "/", "light", 1100], ["acme-dark", "acme.localhost", "/", "dark", 1100], ["globex", "globex.localhost", "/", "light", 1100], ["globex-dark", "globex.localhost", "/", "dark", 1100],
    ["initech-phone", "initech.localhost", "/", "light", 380],
    ["admin", "admin.localhost", "/", "light", 1100], ["admin-phone", "admin.localhost", "/", "dark", 380], ["home", "localhost", "/", "light", 1100], ["api", "api.localhost", "/", "light", 1100], ["unknown", "nobody.localhost", "/", "light", 1100], ["nopath", "acme.localhost", "/nothing", "light", 1100], ["docs", "acme.localhost", "/docs", "light", 1100],
  ] as const) {
    const page = await browser.newPage({ colorScheme: scheme, viewport: { width, height: 900 } });
    page.on("console", (message) => console.log(name, message.type(), message.text()));
    page.on("requestfailed", (r) => console.log(name, "failed", r.url()));
    await page.goto(`http://${host}:${server.port}${path}`, { waitUntil: "networkidle" });
    await page.screenshot({ path: `/tmp/shots/${name}.png`, fullPage: name !== "docs" });
    await page.close();
  }
  await browser.close();
  await server.close();
  await db.close();
}, 120000);
