import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Batch, BrokenConnection } from "../../src/db/batch.ts";
import { makeScope } from "../../src/db/scope.ts";
import { inPoolTransaction, inTransaction, runBatch, runInside, runScoped } from "../../src/db/transaction.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

const one = (text: string, values: string[] = [], name?: string) => ({ text, values, name });
/** Ends when it is told to. As a column, a series is not written down first, and so comes to no limit of the disk. */
const ENDLESS = "select count(*) from (select generate_series(1, 1000000000000)) endless";

/** Ends the backend once it is at work on {@link ENDLESS}. */
async function terminate(pid: unknown): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await db.admin.query("select state, query from pg_stat_activity where pid = $1", [pid]);
      return rows;
    })
    .toEqual([{ state: "active", query: ENDLESS }]);
  await db.admin.query("select pg_terminate_backend($1)", [pid]);
}

describe("a scoped batch", () => {
  test("sees the tenant's rows and nobody else's", async () => {
    const { id } = await db.tenant("globex");
    const [result] = await runScoped(db.api, await db.scope("globex"), "read", [
      one("select count(*), count(*) filter (where tenant_id <> $1) from app.customers", [id]),
    ]);
    expect(Number(result!.rows[0]![0])).toBeGreaterThan(0);
    expect(result!.rows[0]![1]).toBe("0");
  });

  test("is one round trip and one transaction", async () => {
    const scope = await db.scope("globex");
    const results = await runScoped(db.api, scope, "write", [
      one("select pg_current_xact_id()::text, current_setting('app.tenant_id')"),
      one("select pg_current_xact_id()::text"),
    ]);
    expect(results[0]!.rows[0]![0]).toBe(results[1]!.rows[0]![0]);
    expect(results[0]!.rows[0]![1]).toBe(scope.tenantId);
  });

  test("leaves nothing behind on the connection", async () => {
    const client = await db.database.connect("rowhouse_api");
    const scope = await db.scope("globex");
    const { enterStatement } = await import("../../src/db/scope.ts");
    await client.query(new Batch([enterStatement(scope, "read"), one("select 1")])).done;
    const after = await client.query(
      "select current_setting('backtrace_functions') as context, nullif(current_setting('app.tenant_id', true), '') as tenant, current_setting('transaction_read_only') as read_only",
    );
    expect(after.rows[0]).toEqual({ context: "", tenant: null, read_only: "off" });
    await expect(client.query("select count(*) from app.customers")).rejects.toMatchObject({ code: "42501" });
    await client.end();
  });

  test("a read can't write", async () => {
    const scope = await db.scope("globex");
    const write = one("insert into app.customers (name) values ('x')");
    await expect(runScoped(db.api, scope, "read", [write])).rejects.toMatchObject({ code: "25006" });
  });

  test("a failure takes back the whole batch, and the connection is clean afterwards", async () => {
    const pool = db.database.openPool("rowhouse_api", { max: 1 });
    const scope = await db.scope("initech");
    const count = () =>
      runScoped(pool, scope, "read", [one("select count(*) from app.tax_rates")]).then((r) => r[0]!.rows[0]![0]);
    const before = await count();
    const failing = [one("delete from app.expenses", [], "del"), one("select 1 / 0", [], "fails")];
    for (let round = 0; round < 3; round++) {
      await expect(runScoped(pool, scope, "write", failing)).rejects.toMatchObject({ code: "22012" });
      expect(await count()).toBe(before);
    }
    const [left] = await runScoped(pool, scope, "read", [one("select count(*) > 0 from app.expenses")]);
    expect(left!.rows[0]![0]).toBe("t");
    expect(pool.totalCount).toBe(1); // the same connection throughout
    await pool.end();
  });

  test("a connection that the server ends is destroyed, and the next request gets another", async () => {
    const pool = db.database.openPool("rowhouse_api", { max: 1 });
    const scope = await db.scope("globex");
    const [pid] = await runScoped(pool, scope, "read", [one("select pg_backend_pid()::text")]);
    const slow = runScoped(pool, scope, "read", [one(ENDLESS)]);
    const failure = slow.catch((error: unknown) => error);
    await terminate(pid!.rows[0]![0]);
    expect(await failure).toMatchObject({ code: "RH302" });
    const [again] = await runScoped(pool, scope, "read", [one("select 1")]);
    expect(again!.rows).toEqual([["1"]]);
    await pool.end();
  });

  test("waits for a free connection no longer than it was told", async () => {
    const pool = db.database.openPool("rowhouse_api", { max: 1 });
    const held = await pool.connect();
    pool.options.connectionTimeoutMillis = 50; // not before: it limits how long connecting takes, too
    await expect(runBatch(pool, [one("select 1")])).rejects.toMatchObject({ code: "RH305" });
    held.release();
    await pool.end();
  });
});

describe("the context's refusals carry their codes", () => {
  test.each([
    ["an unknown tenant", { tenantId: "00000000-0000-4000-8000-000000000000" }, "RH102"],
    ["another epoch", { epoch: "7" }, "RH106"],
  ])("%s", async (_, facts, code) => {
    const { tenantId, epoch } = await db.scope("globex");
    const scope = makeScope({ tenantId, epoch, principal: "x", role: "admin", ...facts }, db.database.keyring);
    await expect(runScoped(db.api, scope, "read", [one("select 1")])).rejects.toMatchObject({ code });
  });

  test("another tenant's secret", async () => {
    const acme = await db.scope("acme");
    const globex = await db.scope("globex");
    const forged = { ...globex, secret: acme.secret };
    await expect(runScoped(db.api, forged, "read", [one("select 1")])).rejects.toMatchObject({ code: "RH301" });
  });

  test("a suspended tenant, on the next statement", async () => {
    const scope = await db.scope("initech");
    await db.admin.query("update platform.tenants set status = 'suspended' where slug = 'initech'");
    await expect(runScoped(db.api, scope, "read", [one("select 1")])).rejects.toMatchObject({ code: "RH103" });
    await db.admin.query("update platform.tenants set status = 'active' where slug = 'initech'");
    await expect(runScoped(db.api, scope, "read", [one("select 1")])).resolves.toHaveLength(1);
  });

  test("principal and membership role read back as given", async () => {
    const { tenantId, epoch } = await db.scope("globex");
    const scope = makeScope({ tenantId, epoch, principal: "jürgen@x, 'y'", role: "manager" }, db.database.keyring);
    const [result] = await runScoped(db.api, scope, "read", [
      one("select platform.current_principal(), platform.current_membership_role()"),
    ]);
    expect(result!.rows).toEqual([["jürgen@x, 'y'", "manager"]]);
  });
});

describe("prepared statements", () => {
  test("a name is parsed once a connection, again after its batch failed, and the oldest go beyond the bound", async () => {
    const client = await db.database.connectOwner();
    const run = (name: string, value: string) =>
      client.query(new Batch([one("select $1::int * 2", [value], name)])).done;
    const names = async () =>
      (await client.query<{ name: string }>("select name from pg_prepared_statements order by prepare_time")).rows.map(
        (r) => r.name.replace(/_[\w-]{16}$/, ""),
      );
    expect((await run("a", "21"))[0]!.rows).toEqual([["42"]]);
    await run("a", "1");
    expect(await names()).toEqual(["a"]);
    await expect(run("b", "not a number")).rejects.toMatchObject({ code: "22P02" });
    expect((await run("b", "4"))[0]!.rows).toEqual([["8"]]);
    for (let n = 0; n < 300; n++) await run(`n${n}`, "1");
    const kept = await names();
    expect(kept).toHaveLength(256);
    expect(kept).not.toContain("a");
    await client.end();
  });

  test("names whose batches fail do not pile up in the server", async () => {
    const client = await db.database.connectOwner();
    const fail = (n: number) => client.query(new Batch([one("select 1 / $1::int", ["0"], `f${n}`)])).done;
    for (let n = 0; n < 20; n++) await expect(fail(n)).rejects.toMatchObject({ code: "22012" });
    await client.query(new Batch([one("select 1", [], "good")])).done;
    const { rows } = await client.query<{ name: string }>("select name from pg_prepared_statements");
    expect(rows.map(({ name }) => name.split("_")[0])).toEqual(["good"]);
    await client.end();
  });

  test("a name that went beyond the bound in a batch that failed at its start can be used again", async () => {
    const client = await db.database.connect("rowhouse_platform");
    const run = (...statements: ReturnType<typeof one>[]) => client.query(new Batch(statements)).done;
    for (let n = 0; n < 256; n++) await run(one("select 1", [], `n${n}`));
    const failing = [one("select 1 / 0"), one("select 2", [], "pushes n0 out")];
    await expect(run(...failing)).rejects.toMatchObject({ code: "22012" });
    expect((await run(one("select 1", [], "n0")))[0]!.rows).toEqual([["1"]]);
    await client.end();
  });

  test("one name for two texts takes the newer", async () => {
    const client = await db.database.connect("rowhouse_platform");
    await client.query(new Batch([one("select 1", [], "same")])).done;
    const [result] = await client.query(new Batch([one("select 2", [], "same")])).done;
    expect(result!.rows).toEqual([["2"]]);
    await client.end();
  });
});

describe("interactive transactions", () => {
  test("what is thrown rolls back", async () => {
    const failing = inPoolTransaction(db.platform, async (client) => {
      await client.query("delete from platform.token_secrets");
      await client.query("update platform.tenants set name = 'gone'");
      throw new TypeError("stop");
    });
    await expect(failing).rejects.toThrow("stop");
    expect((await db.tenant("acme")).name).toBe("Acme Corp");
  });

  test("several statements in one round trip: what fails is told as it is, all is rolled back, and the connection goes on", async () => {
    const pool = db.database.openPool("rowhouse_platform", { max: 1 });
    const backend = async () => (await pool.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;
    const pid = await backend();
    const read = one("select current_setting('work_mem'), pg_current_xact_id()::text", [], "read_back");
    const results = await inPoolTransaction(pool, async (client) => [
      ...(await runInside(client, [read, one("update platform.plans set title = title")])),
      ...(await runInside(client, [read])),
    ]);
    expect(results[0]!.rows[0]![1]).toBe(results[2]!.rows[0]![1]);
    expect(results[1]!.rowCount).toBeGreaterThan(0);
    const failing = inPoolTransaction(pool, (client) =>
      runInside(client, [one("update platform.plans set title = 'gone'"), one("select 1 / 0"), read]),
    );
    await expect(failing).rejects.toMatchObject({ code: "22012" });
    const { rows } = await pool.query("select from platform.plans where title = 'gone'");
    expect([rows.length, await backend()]).toEqual([0, pid]);
    await pool.end();
  });

  test("a broken socket is told as such", async () => {
    const client = await db.database.connect("rowhouse_api");
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const batch = client.query(new Batch([one(ENDLESS)]));
    const failure = batch.done.catch((error: unknown) => error);
    await terminate(rows[0]!.pid);
    expect(await failure).toBeInstanceOf(BrokenConnection);
    await expect(inTransaction(client, async () => 1)).rejects.toThrow(/connection/i);
  });
});
