import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { serveFrontEnds, type FrontEnds } from "../../examples/front-end/serve.ts";
import type { BrandFile } from "../../examples/front-end/build.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { addUser } from "../http/auth/client.ts";
import { testServer, type TestServer, type TestServerOptions } from "../http/server.ts";

const CHROMIUM = "/usr/bin/chromium";
export const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) console.warn(`Skipped: front ends in a browser. There is no ${CHROMIUM}: apt-get install chromium`);

const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** @param names hosts that lead to this machine, besides *.localhost; `*` for any label */
export function openBrowser(names: readonly string[] = []): Promise<Browser> {
  const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(", ");
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [...FLAGS.split(" "), ...(rules === "" ? [] : [`--host-resolver-rules=${rules}`])],
  });
}

/**
 * A port that is ours before anything is served at it, and leads to another: the API has to know the pages' origins before they are served, and the
 * pages the API's.
 */
async function openGate() {
  const sockets = new Set<Socket>();
  let target = 0;
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {}).on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (port: number) => void (target = port),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((end) => server.close(end));
    },
  };
}

/** A key and a certificate that nobody vouches for; null where there is no openssl to make them. */
export function selfSigned(): { key: string; cert: string } | null {
  const folder = mkdtempSync(join(tmpdir(), "rowhouse-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=rowhouse.example";
  try {
    execFileSync("openssl", [...made.split(" "), "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } catch {
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface Stage extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly server: TestServer;
  readonly fronts: Pick<FrontEnds, "port">;
}

export interface StageOptions {
  /** Of the API, once it is known at which port the pages are. */
  readonly settings: (port: number) => TestServerOptions["settings"];
  readonly brands: (ports: { readonly api: number; readonly pages: number }) => Record<string, BrandFile>;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** The API and the front ends, and in acme and globex a manager and a viewer: mia@<slug>.example and vic@<slug>.example. */
export async function openStage({ settings, brands, tls }: StageOptions): Promise<Stage> {
  const db = await testDatabase();
  const gate = await openGate();
  for (const slug of ["acme", "globex"]) {
    await addUser(db, slug, `mia@${slug}.example`, "manager");
    await addUser(db, slug, `vic@${slug}.example`, "viewer");
  }
  const server = await testServer(db, { settings: settings(gate.port) });
  const upstream = new URL(`http://127.0.0.1:${server.port}`);
  const { port } = gate;
  const fronts = await serveFrontEnds({ upstream, port: 0, brands: brands({ api: server.port, pages: port }), tls });
  gate.leadTo(fronts.port);
  return {
    db,
    server,
    fronts: { port },
    [Symbol.asyncDispose]: async () => {
      await gate.close();
      await fronts.close();
      await server.close();
      await db.close();
    },
  };
}

export interface Visit {
  readonly tab: Page;
  /** What the browser holds against the page: violations of its policy, errors of its scripts. Refusals of the API are none. */
  readonly complaints: string[];
  /** Addresses that were asked for. */
  readonly asked: string[];
}

/** A page in a profile of its own. */
export async function visit(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext(options);
  const tab = await context.newPage();
  tab.setDefaultTimeout(60_000); // so that a failure says what it waited for
  const complaints: string[] = [];
  const asked: string[] = [];
  tab.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  tab.on("pageerror", (error) => void complaints.push(error.message));
  tab.on("request", (request) => void asked.push(request.url()));
  await tab.goto(address, { waitUntil: "networkidle" });
  await untilOpen(tab);
  return { tab, complaints, asked };
}

/** Until the page has shown one of its parts: the network may be idle because the machine is. */
async function untilOpen(tab: Page): Promise<void> {
  await tab.locator("#opening[hidden]").waitFor({ state: "attached" });
}

export async function reload(tab: Page): Promise<void> {
  await tab.reload({ waitUntil: "networkidle" });
  await untilOpen(tab);
}

export async function signIn(tab: Page, email: string, password: string): Promise<void> {
  await tab.getByLabel("E-mail").fill(email);
  await tab.getByLabel("Password", { exact: true }).fill(password);
  await tab.getByRole("button", { name: "Sign in" }).click();
}

/** Adds a draft by the page's form, for the first customer that it offers. */
export async function addDraft(tab: Page, amount: string, reference: string): Promise<void> {
  await tab.getByRole("button", { name: "New draft" }).click();
  await tab.getByLabel("Customer").selectOption({ index: 1 });
  await tab.getByLabel("Amount before tax").fill(amount);
  await tab.getByLabel("Reference").fill(reference);
  await tab.getByRole("button", { name: "Add the draft" }).click();
}
