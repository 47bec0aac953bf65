import { exec } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectEmbedded } from "../../src/embedded/connect.ts";
import { ROOT, ended, firstLine, run, start, type Child, type Ended, type RunOptions } from "./rowhouse.ts";

interface Welcome {
  readonly url: string;
  readonly tenants: { slug: string; url: string; token: string | null }[];
  readonly tenantCount: number;
  readonly operatorLink: string | null;
  readonly curl: string | null;
  readonly supabase: string | null;
  readonly next: string;
  readonly database: { embedded: boolean; folder: string | null };
  readonly warnings: string[];
}

interface Serving {
  readonly child: Child;
  readonly end: Promise<Ended>;
  /** The first line on stdout. */
  readonly welcome: Welcome;
}

let dataDir: string;
/** For root, a folder of mode 700 sends the database's files elsewhere. */
const folders = new Set<string>();
let options: RunOptions;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "rowhouse-serve-"));
  options = { env: { ROWHOUSE_DATA: dataDir, ROWHOUSE_SECRET: "", LOG_LEVEL: "warn", PORT: "0" } };
});
afterAll(async () => {
  for (const folder of [dataDir, ...folders]) await rm(folder, { recursive: true, force: true });
});

/** Starts `serve --json` and waits until it is up. */
const serve = (...args: string[]) => untilUp(start(["serve", "--json", ...args], options));

async function untilUp(child: Child): Promise<Serving> {
  const end = ended(child);
  const line = await firstLine(child);
  if (line === null) {
    const { code, stderr } = await end;
    throw new Error(`serve ended with ${code}: ${stderr}`);
  }
  const welcome = JSON.parse(line) as Welcome;
  folders.add(welcome.database.folder!);
  return { child, end, welcome };
}

async function stop({ child, end }: Serving, signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
  child.kill(signal);
  return end;
}

/** As pasted into the user's shell, in the folder where `serve` was started. */
const paste = async (line: string, cwd = ROOT) =>
  promisify(exec)(line, { cwd, env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" } });

const rowhouse = (...args: string[]) => run(args, options);

describe("serve without DATABASE_URL", { timeout: 300_000 }, () => {
  test("the first start: three tenants, and lines that return their rows when pasted", async () => {
    const serving = await serve();
    const { welcome } = serving;
    expect(welcome.tenants.map(({ slug }) => slug)).toEqual(["acme", "globex", "initech"]);
    const { host } = new URL(welcome.url);
    expect(welcome.tenants[0]!.url).toBe(`http://acme.${host}`);
    expect(welcome.database).toMatchObject({ embedded: true });
    expect(welcome.operatorLink).toMatch(/^http:\/\/admin\.localhost:\d+\/operator#[\w-]{43}$/);
    expect(welcome.warnings.at(-1)).toMatch(/evaluation only/);

    const curl = await paste(`${welcome.curl!} --silent`);
    expect(JSON.parse(curl.stdout)).toEqual(
      Array.from({ length: 3 }, () => ({ name: expect.any(String), city: expect.anything() })),
    );
    const supabase = await paste(welcome.supabase!);
    expect(supabase.stdout.match(/name: /g)).toHaveLength(3);

    await test2ndStart(welcome);
    await testCommandsBeside(welcome);
    expect(await stop(serving)).toMatchObject({ code: 0 });
    expect(await connectEmbedded({ dataDir })).toBe(null);
  });

  async function test2ndStart({ url, tenants }: Welcome) {
    const second = await rowhouse("serve");
    expect(second).toMatchObject({ code: 5, stdout: "" });
    expect(second.stderr).toMatch(/rowhouse serve is running on .*: process \d+, at http:\/\/localhost:\d+ \[RH601\]/);
    const answer = await fetch(`${url}/rest/v1/customers?select=id&limit=1`, {
      headers: { authorization: `Bearer ${tenants[0]!.token}` },
    });
    expect(answer.status).toBe(200);
  }

  async function testCommandsBeside({ url }: Welcome) {
    const created = await rowhouse("tenant", "create", "umbrella", "--json");
    expect(created.json()).toMatchObject({ created: true, url: url.replace("//", "//umbrella.") });
    const { stdout } = await rowhouse("token", "umbrella");
    const answer = await fetch(`${url}/rest/v1/customers?select=id`, {
      headers: { authorization: `Bearer ${stdout.trim()}` },
    });
    expect([answer.status, await answer.json()]).toEqual([200, []]);
    const doctor = await rowhouse("doctor", "--json");
    expect(doctor).toMatchObject({ code: 0 });
    expect(doctor.stdout).toContain("embedded, for evaluation only");
  }

  test("killed by SIGKILL, it starts again with everything; Ctrl-C twice at once ends it in order", async () => {
    const killed = await serve();
    await stop(killed, "SIGKILL");
    const again = await untilUp(start(["serve", "--json"], { ...options, cwd: "/" }));
    expect((await paste(again.welcome.supabase!, "/")).stdout.match(/name: /g)).toHaveLength(3);
    expect(again.welcome.tenants.map(({ slug }) => slug)).toEqual(["acme", "globex", "initech", "umbrella"]);
    again.child.kill("SIGINT");
    expect(await stop(again, "SIGINT")).toMatchObject({ code: 0 });
    expect(await connectEmbedded({ dataDir })).toBe(null);
  });

  test("npm start ends with npm, though npm's shell passes no SIGTERM on", async () => {
    const serving = await untilUp(start(["start", "--silent", "--", "--json"], { ...options, program: ["npm"] }));
    // Its output is open until the server itself has ended.
    const { stderr } = await stop(serving);
    expect(stderr).toContain("Stopping …");
    expect(await connectEmbedded({ dataDir })).toBe(null);
  });

  test("with the server down a command starts the database for itself, and another one waits its turn", async () => {
    const [list, removed] = await Promise.all([
      rowhouse("tenant", "list", "--json"),
      rowhouse("tenant", "delete", "globex", "--yes", "--json"),
    ]);
    expect([list.code, removed.code]).toEqual([0, 0]);
    expect(await connectEmbedded({ dataDir })).toBe(null);
  });

  test("a tenant of the example that was deleted stays deleted", async () => {
    const serving = await serve();
    await stop(serving);
    expect(serving.welcome.tenants.map(({ slug }) => slug)).toEqual(["acme", "initech", "umbrella"]);
  });

  test("without --json the same is a block for people, with every line to paste on its own", async () => {
    const child = start(["serve"], options);
    const end = ended(child);
    await firstLine(child);
    child.kill();
    const { code, stdout } = await end;
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^ {2}acme +http:\/\/acme\.localhost:\d+ {2}Acme Corp\n[^]*^ {2}platform +http:\/\/admin\.localhost:\d+$/m,
    );
    expect(stdout).toMatch(/^ {2}acme +[\w-]+\.[\w-]+\.[\w-]+$/m);
    expect(stdout).toMatch(
      /^ {2}curl -H "Authorization: Bearer [\w.-]+" "http:\/\/acme\.localhost:\d+\/rest\/v1\/.*"$/m,
    );
    expect(stdout).toMatch(/^ {2}\S+ --input-type=module -e 'import \{ createClient \}.*'$/m);
    expect(stdout).toMatch(/^Next, in another terminal:\n {2}npx rowhouse tenant create /m);
    expect(stdout).toContain(dataDir);
    expect(stdout).toMatch(/warning: .*evaluation only/);
  });
});

test("--no-demo starts empty, and the folder remembers it", { timeout: 300_000 }, async () => {
  const empty = await mkdtemp(join(tmpdir(), "rowhouse-empty-"));
  const before = options;
  options = { env: { ...options.env, ROWHOUSE_DATA: empty } };
  try {
    for (const args of [["--no-demo"], []]) {
      const serving = await serve(...args);
      await stop(serving);
      expect(serving.welcome).toMatchObject({
        tenants: [],
        curl: null,
        supabase: null,
        next: expect.stringContaining("tenant create"),
      });
    }
    expect(JSON.parse(await readFile(join(empty, "serve.json"), "utf8"))).toMatchObject({ appDir: null, demo: false });
  } finally {
    options = before;
    await rm(empty, { recursive: true });
  }
});
