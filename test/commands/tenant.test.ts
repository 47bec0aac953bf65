import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TEST_SECRET, testDatabase, type TestDatabase } from "../harness.ts";
import { ROOT, runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  rowhouse = runOn(db.url);
});
afterAll(() => db.close());

const shape = {
  id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  epoch: "1",
  movedTo: null,
  createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
};

describe("tenant create", () => {
  test("makes tenant, address, brand and first user; the answer is on stdout, talk on stderr", async () => {
    const { code, stdout, stderr } = await rowhouse(
      "tenant",
      "create",
      "umbrella",
      "--name",
      "Umbrella Corp",
      "--admin-email",
      "Ann@umbrella.example",
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: "umbrella  http://umbrella.localhost:3000\n" });
    expect(stderr).toContain("Next: rowhouse token umbrella");
    const { id } = await db.tenant("umbrella");
    const users = await db.admin.query("select email, role from tenant.users where tenant_id = $1", [id]);
    expect(users.rows).toEqual([{ email: "ann@umbrella.example", role: "owner" }]);
    const audit = await db.admin.query(
      "select actor from platform.audit_events where tenant_id = $1 and action = 'tenant.created'",
      [id],
    );
    expect(audit.rows[0]).toMatchObject({ actor: expect.stringMatching(/^operator:/) });
  });

  test("a second time: a conflict, or with --if-not-exists the one that is there", async () => {
    const again = await rowhouse("tenant", "create", "umbrella");
    expect(again).toMatchObject({ code: 5, stdout: "" });
    expect(again.stderr).toMatch(/^error: A tenant umbrella exists \[RH404\]\nhint: .*--if-not-exists/);
    const found = await rowhouse("tenant", "create", "umbrella", "--name", "Other", "--if-not-exists", "--json");
    expect(found.code).toBe(0);
    expect(found.json()).toEqual({
      ...shape,
      slug: "umbrella",
      name: "Umbrella Corp",
      status: "active",
      url: "http://umbrella.localhost:3000",
      created: false,
      domain: null,
    });
  });

  test.each(["admin", "Acme", "a b", "x--y"])("refuses the slug %s", async (slug) => {
    expect(await rowhouse("tenant", "create", slug)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/\[RH40[23]\]/),
    });
  });

  test("a malformed domain keeps the tenant from being made", async () => {
    expect(await rowhouse("tenant", "create", "nodomain", "--domain", "not a domain")).toMatchObject({ code: 2 });
    expect(await rowhouse("tenant", "show", "nodomain")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("[RH102]"),
    });
  });
});

test("list: a table, or an array", async () => {
  const table = await rowhouse("tenant", "list");
  expect(table.stdout).toMatch(/^SLUG +NAME +STATUS +DATABASE +CREATED +URL\nacme +\S.*\nglobex +/);
  const { json } = await rowhouse("tenant", "list", "--json", "--quiet");
  const tenants = json<{ slug: string }[]>();
  expect(tenants.map(({ slug }) => slug)).toEqual(["acme", "globex", "initech", "umbrella"]);
  expect(tenants[0]).toMatchObject({ ...shape, status: "active", url: "http://acme.localhost:3000" });
});

test("show counts the tenant's rows, and only its own", async () => {
  const { json } = await rowhouse("tenant", "show", "globex", "--json");
  const { tables } = json<{ tables: { table: string; rows: number }[] }>();
  const { id } = await db.tenant("globex");
  const { rows } = await db.admin.query("select count(*)::int as count from app.invoices where tenant_id = $1", [id]);
  expect(tables.find(({ table }) => table === "app.invoices")?.rows).toBe(rows[0]?.count);
  expect(await rowhouse("tenant", "show", "nobody")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("[RH102]"),
  });
});

test("suspend and activate", async () => {
  expect(await rowhouse("tenant", "suspend", "globex")).toMatchObject({ code: 0, stdout: "globex  suspended\n" });
  expect((await db.tenant("globex")).status).toBe("suspended");
  const { json } = await rowhouse("tenant", "activate", "globex", "--json");
  expect(json()).toMatchObject({ ...shape, slug: "globex", status: "active" });
});

test("rename changes slug and name, and keeps the old address", async () => {
  expect(await rowhouse("tenant", "rename", "umbrella")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Rename to what?"),
  });
  const { code, stdout, stderr } = await rowhouse("tenant", "rename", "umbrella", "umbra", "--name", "Umbra");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "umbra  Umbra  http://umbra.localhost:3000\n" });
  expect(stderr).toContain("umbrella stays an address of umbra");
  expect(await rowhouse("tenant", "rename", "umbra", "acme")).toMatchObject({ code: 5 });
});

/** `script` (util-linux) gives a command a terminal; what is typed comes by its stdin. */
function onTerminal(args: string[], typed: string): Promise<{ code: number | null; text: string }> {
  const line = [process.execPath, "src/cli.ts", ...args].join(" ");
  const env = { ...process.env, DATABASE_URL: db.url, ROWHOUSE_SECRET: TEST_SECRET, TERM: "dumb" };
  const child = spawn("script", ["-qec", line, "/dev/null"], { cwd: ROOT, env, stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    if (text.includes("Type the slug") && child.stdin.writable) child.stdin.end(`${typed}\n`);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, text })));
}

describe("tenant delete", () => {
  test("without a terminal it wants a confirmation, after it has shown what would go", async () => {
    const { code, stdout, stderr } = await rowhouse("tenant", "delete", "umbra");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      /This removes umbra: 4 rows in 3 tables\.\nTABLE +ROWS\n[^]*tenant\.users +1\n[^]*error: .*\[RH409\]\nhint: Add --confirm umbra/,
    );
    expect(await rowhouse("tenant", "delete", "umbra", "--confirm", "umbrella")).toMatchObject({ code: 2 });
    expect((await db.tenant("umbra")).status).toBe("active");
  });

  const hasScript = existsSync("/usr/bin/script");
  if (!hasScript) console.warn("skipped: /usr/bin/script, which makes a terminal, is not there");
  test.runIf(hasScript)("on a terminal it asks for the slug", async () => {
    const wrong = await onTerminal(["tenant", "delete", "umbra"], "umbrela");
    expect(wrong).toMatchObject({
      code: 2,
      text: expect.stringContaining('"umbrela" is not umbra; nothing was deleted'),
    });
    const right = await onTerminal(["tenant", "delete", "umbra"], "umbra");
    expect(right).toMatchObject({ code: 0, text: expect.stringMatching(/deleted umbra {2}4 rows/) });
  });

  test("--confirm deletes a suspended tenant and every row of it", async () => {
    const { id } = await db.tenant("initech");
    await rowhouse("tenant", "suspend", "initech");
    const { code, json } = await rowhouse("tenant", "delete", "initech", "--confirm", "initech", "--json");
    expect(code).toBe(0);
    const { rows, tables } = json<{ rows: number; tables: { table: string; rows: number }[] }>();
    expect(rows).toBe(tables.reduce((sum, table) => sum + table.rows, 0));
    expect(rows).toBeGreaterThan(100);
    for (const { table } of tables) {
      const left = await db.admin.query(`select from ${table} where tenant_id = $1`, [id]);
      expect([table, left.rowCount]).toEqual([table, 0]);
    }
    expect(await rowhouse("tenant", "delete", "initech", "--yes")).toMatchObject({ code: 4 });
  });
});
