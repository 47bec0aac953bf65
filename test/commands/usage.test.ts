import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "./rowhouse.ts";

const refusals: [args: string[], code: number, stderr: RegExp][] = [
  [["tenant", "creat"], 2, /^error: unknown command 'creat' \[RH400\]\nhint: Did you mean create\?\n$/],
  [["tenant", "list", "--jsn"], 2, /unknown option '--jsn' \[RH400\]\nhint: Did you mean --json\?/],
  [["tenant", "show"], 2, /missing required argument 'slug'/],
  [["tenant", "list", "more"], 2, /too many arguments/],
  [["migrate", "--check", "--dry-run"], 2, /exclude each other/],
  [["token", "acme", "--ttl", "soon"], 2, /--ttl is not a duration: soon \[RH400\]\nhint: .*90s/],
  [["keys", "rotate", "--alg", "none"], 2, /EdDSA or ES256, not none/],
  [["verify", "/nowhere.rowhouse"], 4, /no file \/nowhere.rowhouse \[RH506\]\nhint: /],
];

test.each(refusals)("%j ends with %i", async (args, code, stderr) => {
  const result = await run(args);
  expect(result).toMatchObject({ code, stdout: "" });
  expect(result.stderr).toMatch(stderr);
});

test("a command that wants another one prints help on stderr", async () => {
  const { code, stdout, stderr } = await run(["tenant"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^Usage: rowhouse tenant/);
});

test("with --json an error is one line of JSON on stderr, and stdout stays empty", async () => {
  const { code, stdout, stderr } = await run(["tenant", "lst", "--json"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(JSON.parse(stderr)).toEqual({
    error: { code: "RH400", message: "unknown command 'lst'", details: null, hint: "Did you mean one of list, ls?" },
  });
});

test("a bad setting is named, and its value is not shown", async () => {
  const { code, stderr } = await run(["tenant", "list"], { env: { DATABASE_URL: "mysql://root:hunter2@x" } });
  expect(code).toBe(2);
  expect(stderr).toMatch(/DATABASE_URL.*\[RH401\]/);
  expect(stderr).not.toContain("hunter2");
});

test("a database that can't be reached: what, where, and no password", async () => {
  const { code, stderr } = await run(["tenant", "list"], {
    env: { DATABASE_URL: "postgres://owner:hunter2@127.0.0.1:1/app" },
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/Can't connect to PostgreSQL at 127\.0\.0\.1:1\/app.*\[RH302\]\nhint: /);
  expect(stderr).not.toContain("hunter2");
});

test("serve looks at the port before it starts a database", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  const data = await mkdtemp(join(tmpdir(), "rowhouse-port-"));
  const { code, stderr } = await run(["serve", "--port", String(port)], { env: { ROWHOUSE_DATA: data } });
  other.close();
  expect(code).toBe(5);
  expect(stderr).toMatch(/^error: Port \d+ on 127\.0\.0\.1 is taken by another program \[RH603\]\nhint: .*--port \d+/);
  expect(await readdir(data)).toEqual([]);
  await rm(data, { recursive: true });
});

test("without a database of any kind nothing is made on the side", async () => {
  const data = join(await mkdtemp(join(tmpdir(), "rowhouse-none-")), "data");
  const { code, stderr } = await run(["tenant", "list"], { env: { ROWHOUSE_DATA: data } });
  expect(code).toBe(4);
  expect(stderr).toMatch(/holds none \[RH604\]\nhint: Start one with `rowhouse serve`/);
});
