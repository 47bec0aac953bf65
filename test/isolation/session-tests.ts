import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runScoped } from "../../src/db/transaction.ts";
import { enter, MARKER, outcome, type Arena } from "./arena.ts";

const COUNT = "select count(*)::int as count, count(*) filter (where name = $1)::int as marked from app.customers";
const contextOf =
  "select current_setting('backtrace_functions') as protected, current_setting('app.context', true) as sealed";

/** What the left-over statement counts, or the SQLSTATE of its refusal. */
const executed = (client: pg.Client) =>
  client.query<{ count: number }>("execute left_over").then(
    ({ rows }) => rows[0]!.count,
    (error: pg.DatabaseError) => error.code,
  );

/** What one transaction leaves on a connection for the next: A and B taking turns, as in any pool of connections. */
export function testSessions(arenaOf: () => Arena): void {
  let client: pg.Client;
  beforeEach(async () => {
    client = await arenaOf().database.connect("rowhouse_api");
  });
  afterEach(() => client.end());

  const marked = async () => (await client.query<{ marked: number }>(COUNT, [MARKER])).rows[0]!.marked;

  test("a context that was seen can't be used again", async () => {
    const { a, b } = arenaOf();
    await enter(client, b);
    const { rows } = await client.query<{ protected: string; sealed: string | null }>(contextOf);
    expect(await marked()).toBe(1);
    await client.query("commit");
    const replay = `set local app.context = '${rows[0]!.sealed ?? `${rows[0]!.protected}.`}'`;
    for (const before of ["begin", `begin; set local extra_float_digits = -15; set local datestyle = 'german'`]) {
      await client.query(`${before}; ${replay}`);
      expect(await outcome(client, COUNT, [MARKER])).toBe("42501");
      await client.query("rollback");
      await enter(client, a);
      await client.query(replay);
      expect(await outcome(client, "select from app.customers where name = $1", [MARKER])).not.toBe(1);
      await client.query("rollback");
    }
  });

  test("a seal made while the session rounds its numbers is as good as any", async () => {
    const { b } = arenaOf();
    await client.query("set extra_float_digits = -15");
    await enter(client, b);
    const { rows } = await client.query<{ sealed: string | null }>(contextOf);
    await client.query("commit");
    await sleep(2);
    await client.query(`begin; set local app.context = '${rows[0]!.sealed ?? ""}'`);
    expect(await outcome(client, COUNT, [MARKER])).toBe("42501");
  });

  test("a statement that B prepared shows A's rows when A runs it", async () => {
    const { a, b, mode } = arenaOf();
    await enter(client, b);
    await client.query(
      `prepare left_over as select count(*)::int as count from app.customers where name = '${MARKER}'`,
    );
    expect(await executed(client)).toBe(1);
    await client.query("commit");
    expect(await executed(client)).toBe("42501");
    // Where its names can be seen, enter() refuses a session that has statements of SQL's PREPARE (RH301).
    const entered = await enter(client, a).then(
      () => "entered",
      (error: { code: string }) => error.code,
    );
    expect(entered).toBe({ protected: "entered", fallback: "RH301" }[mode]);
    expect(await executed(client)).toBe({ protected: 0, fallback: "25P02" }[mode]);
    await client.query("rollback");
  });

  test("a statement under the name of the server's own is not run in its place", async () => {
    const { a, b, database } = arenaOf();
    const pool = database.openPool("rowhouse_api", { max: 1 });
    const ask = [{ text: "select platform.current_tenant()", values: [], name: "ask" }];
    await runScoped(pool, a, "read", ask);
    // With all that A can know, its own secret too: whoever comes next shall work in A's house.
    const inA = `select platform.enter('${a.context}', '\\x${a.secret.toString("hex")}', ${a.epoch}, true)`;
    const held = await pool.connect();
    const names = await held
      .query<{ name: string }>("select name from pg_prepared_statements")
      .then(({ rows }) => rows.map(({ name }) => name))
      .catch(() => ["rowhouse_enter"]); // where names can't be seen, the one in the source
    const trap = names.find((name) => name.startsWith("rowhouse_enter"))!;
    await outcome(held, `deallocate "${trap}"`);
    await held.query(`prepare "${trap}" (text, bytea, bigint, boolean) as ${inA}`);
    held.release();
    const tenants: unknown[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const answer = await runScoped(pool, b, "read", ask).then(
        ([result]) => result!.rows[0]![0],
        (error: { code: string }) => error.code,
      );
      tenants.push(answer);
    }
    await pool.end();
    expect(tenants).not.toContain(a.tenantId);
    expect(tenants.slice(1)).toEqual([b.tenantId, b.tenantId]); // on a new connection, if need be
  });

  test("a cursor that A holds open has no row of B in it", async () => {
    const { a, b } = arenaOf();
    await enter(client, a);
    await client.query("declare kept cursor with hold for select tenant_id from app.customers");
    await client.query("commit");
    await enter(client, b, "read");
    const { rows } = await client.query<{ tenant_id: string }>("fetch all from kept");
    expect(new Set(rows.map(({ tenant_id }) => tenant_id))).toEqual(new Set([a.tenantId]));
    await client.query("rollback");
  });

  test("a cursor that was opened without a context stays shut", async () => {
    expect(await outcome(client, "begin; declare c cursor for select * from app.customers; fetch all from c")).toBe(
      "42501",
    );
  });

  test("a read can't be made into a write", async () => {
    const { a } = arenaOf();
    await enter(client, a, "read");
    const write = "insert into app.customers (number, name) values ('x', 'x')";
    for (const attempt of ["set transaction read write", "set local transaction_read_only = off", "reset all", write]) {
      await client.query("savepoint s");
      const came = await outcome(client, attempt);
      await client.query("rollback to s");
      expect(attempt === "reset all" ? "25001" : came).toMatch(/^25\d{3}$/);
    }
    await client.query("rollback");
    const { text, values } = {
      text: "select platform.enter($1, $2, $3, null)",
      values: [a.context, a.secret, a.epoch],
    };
    await client.query("begin");
    await client.query(text, values);
    expect(await outcome(client, write)).toBe("25006"); // neither read nor write: read
    await client.query("rollback");
  });

  test("foreign keys and unique keys tell nothing of B", async () => {
    const { a, admin, b } = arenaOf();
    // A row whose id A has not got too: the matrix made some such.
    const { rows } = await admin.query<{ id: string }>(
      "select id from app.customers where tenant_id = $1 and id not in (select id from app.customers where tenant_id = $2) limit 1",
      [b.tenantId, a.tenantId],
    );
    const refer = async (id: string) => {
      await enter(client, a);
      const error = await client
        .query("insert into app.invoices (customer_id) values ($1)", [id])
        .catch((e: unknown) => e);
      await client.query("rollback");
      const { code, message, detail, hint, where } = error as pg.DatabaseError;
      return { code, message, detail, hint, where };
    };
    const existing = await refer(rows[0]!.id);
    expect(existing.code).toBe("23503");
    expect(existing).toEqual(await refer("00000000-0000-4000-8000-000000000000"));
    await enter(client, a);
    const taken = "insert into app.customers (number, name) values ($1, 'x') on conflict do nothing";
    expect(await outcome(client, taken, [MARKER])).toBe(1);
    await client.query("rollback");
  });

  test("B's open transaction does not make A wait", async () => {
    const { a, b, database } = arenaOf();
    const other = await database.connect("rowhouse_api");
    await enter(other, b);
    await other.query(
      "insert into app.customers (id, number, name) values ('00000000-0000-4000-8000-00000000000a', 'same', 'x')",
    );
    await enter(client, a);
    await client.query("set local lock_timeout = '30s'");
    const same =
      "insert into app.customers (id, number, name) values ('00000000-0000-4000-8000-00000000000a', 'same', 'x')";
    expect(await outcome(client, same)).toBe(1);
    await client.query("rollback");
    await other.query("rollback");
    await other.end();
  });

  test("a setting of the start-up message gives no context", async () => {
    const { b, database } = arenaOf();
    const hex = b.tenantId.replaceAll("-", "");
    const connect = async (options: string) => {
      const plain = await database.connect("rowhouse_api");
      const { user, password, host, port, database: name } = plain as unknown as Record<string, string>;
      await plain.end();
      const { Client } = (await import("pg")).default;
      const made = new Client({ user, password, host, port: Number(port), database: name, options });
      await made.connect();
      return made;
    };
    await expect(connect(`-c backtrace_functions=${hex},61,owner`)).rejects.toMatchObject({ code: "42501" });
    const preset = await connect(`-c app.tenant_id=${b.tenantId} -c app.context=${hex},61,owner.`);
    expect(await outcome(preset, COUNT, [MARKER])).toBe("42501");
    await preset.end();
  });
}
