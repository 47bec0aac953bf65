/**
 * What roles, admission and the audit trail cost the database: processor time of its backend, in microseconds, and nothing of the
 * server's. `DATABASE_URL` of a superuser on this machine, to a database that may be filled:
 *   node scripts/bench-permissions.ts [rounds]
 */
import { readFileSync } from "node:fs";
import type pg from "pg";
import { openDatabase, type Database } from "../src/db/connections.ts";
import { enterStatement, makeScope, type Scope } from "../src/db/scope.ts";
import { migrate } from "../src/db/migrate.ts";
import { createTenant } from "../src/tenant/create.ts";

const ROUNDS = Number(process.argv[2] ?? 9);
const READS = 300;
const WRITES = 150;
const USER = "00000000-0000-4000-8000-00000000000a";
const SESSION = "00000000-0000-4000-8000-00000000000b";

const TABLES = `
  set role rowhouse_owner;
  drop table if exists app.plain, app.owned, app.silent, app.bare;
  create table app.plain (tenant_id uuid, id int, name text, note text, primary key (tenant_id, id));
  create table app.silent (like app.plain including all);
  create table app.bare (like app.plain including all);
  create table app.owned (like app.plain including all, created_by text);
  select platform.protect_table('app.plain'), platform.protect_table('app.bare', '{"audit": false}'),
    platform.protect_table('app.silent', '{"audit": false}'), platform.protect_table('app.owned', '{"own_rows": "all"}');
  drop policy member_select on app.bare;
  reset role;`;

/** Nanoseconds that the backend has run (proc(5), schedstat); the ticks of /proc/<pid>/stat are too coarse. */
function nanosecondsOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]);
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function transact(
  client: pg.Client,
  scope: Scope,
  access: "read" | "write",
  name: string,
  text: string,
  values: unknown[],
) {
  const entry = enterStatement(scope, access);
  await client.query("begin");
  await client.query({ name: "enter", text: entry.text, values: [...entry.values] });
  await client.query({ name, text, values });
  await client.query("rollback");
}

interface Case {
  readonly name: string;
  readonly scope: Scope;
  readonly access: "read" | "write";
  readonly text: string;
  readonly values: unknown[];
  readonly transactions: number;
}

/** Rounds of all cases in turn, so that whatever else runs on the machine falls on each. */
async function measure(database: Database, cases: readonly Case[]): Promise<Map<string, number>> {
  const client = await database.connect("rowhouse_api");
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const pid = rows[0]!.pid;
  const taken = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round} of ${ROUNDS}\n`);
    for (const { name, scope, access, text, values, transactions } of cases) {
      const before = nanosecondsOf(pid);
      for (let done = 0; done < transactions; done++) await transact(client, scope, access, name, text, values);
      // The first round prepares the statements.
      if (round > 0) taken.get(name)!.push((nanosecondsOf(pid) - before) / 1000 / transactions);
    }
  }
  await client.end();
  return new Map([...taken].map(([name, values]) => [name, median(values)]));
}

const database = openDatabase(process.env["DATABASE_URL"]!, process.env["ROWHOUSE_SECRET"]!);
await migrate(database, { appDir: null });
const pool = database.openPool("rowhouse_platform", { max: 1 });
const { tenant } = await createTenant(
  pool,
  database.keyring,
  { slug: "bench", name: "Bench", ifNotExists: true },
  "bench",
);
await pool.end();
const owner = await database.connectOwner();
await owner.query(TABLES);
for (const table of ["plain", "silent", "bare", "owned"])
  await owner.query(
    `insert into app.${table} (tenant_id, id, name, note) select $1, n, 'name ' || n, 'note' from generate_series(1, 20000) n`,
    [tenant.id],
  );
await owner.query(
  `insert into tenant.users (tenant_id, id, email, role) values ($1, '${USER}', 'bench@bench.example', 'member') on conflict do nothing`,
  [tenant.id],
);
await owner.query(
  `insert into tenant.sessions (tenant_id, id, user_id, expires_at) values ($1, '${SESSION}', '${USER}', now() + interval '1 day') on conflict do nothing`,
  [tenant.id],
);
await owner.query("vacuum analyze");

const scope = (role: string, grant?: string) =>
  makeScope({ tenantId: tenant.id, epoch: tenant.epoch, principal: USER, role, grant }, database.keyring);
const read = (name: string, by: Scope, table = "plain"): Case => ({
  name,
  scope: by,
  access: "read",
  text: `select id, name, note from app.${table} where tenant_id = $1 and id = $2`,
  values: [tenant.id, 77],
  transactions: READS,
});
const write = (name: string, table: string, rows: number): Case => ({
  name,
  scope: scope("member"),
  access: "write",
  text: `insert into app.${table} (id, name, note) select 1000000 + n, 'name ' || n, 'note' from generate_series(1, $1::int) n`,
  values: [rows],
  transactions: rows === 1 ? WRITES : 3,
});

const results = await measure(database, [
  read("by id, no policy of members", scope("member"), "bare"),
  read("by id, admin", scope("admin")),
  read("by id, viewer", scope("viewer")),
  read("by id, member", scope("member")),
  read("by id, member, own rows", scope("member"), "owned"),
  read("by id, member with a session", scope("member", `s${SESSION.replaceAll("-", "")}`)),
  write("insert of 1, no audit", "silent", 1),
  write("insert of 1, audit", "plain", 1),
  write("insert of 1,000, no audit", "silent", 1000),
  write("insert of 1,000, audit", "plain", 1000),
]);
await owner.query("drop table app.plain, app.owned, app.silent, app.bare; delete from platform.table_options");
await owner.end();
for (const [name, microseconds] of results)
  console.log(`${name.padEnd(34)} ${microseconds.toFixed(1).padStart(10)} µs`);
