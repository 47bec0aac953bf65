import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestAnswer, type TestRequest, type TestServer } from "./server.ts";

/** Names that statements and triggers of Rowhouse have for tables: PostgreSQL takes a column before a table of its name. */
const NAMES =
  "a b c d e i j k m n o r s t v w x t0 t1 t2 t3 t4 c0 body rows called written answer element old_rows new_rows".split(
    " ",
  );

const TABLE = `
  set role rowhouse_owner;
  create table app.names (
    tenant_id uuid not null default platform.current_tenant(), id integer not null, up integer, ${NAMES.map((name) => `${name} integer`).join(", ")},
    primary key (tenant_id, id), constraint names_up foreign key (tenant_id, up) references app.names);
  select platform.protect_table('app.names');
  create function app.label(app.names) returns text language sql stable as $$ select 'no. ' || $1.id $$;
  create function app.all_names() returns setof app.names language sql stable as 'select * from app.names';
  revoke execute on function app.label(app.names), app.all_names() from public;
  grant execute on function app.label(app.names), app.all_names() to rowhouse_api;
  reset role;`;

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  await db.admin.query(TABLE);
  server = await testServer(db);
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const ask = (method: string, path: string, options: TestRequest = {}): Promise<TestAnswer> =>
  server.request("acme.localhost", `/rest/v1/${path}`, { method, token, ...options });
const rowOf = (id: number): Record<string, number | null> => ({
  id,
  up: null,
  ...Object.fromEntries(NAMES.map((name, n) => [name, id * 100 + n])),
});
const SHOWN = { prefer: "return=representation" };

test("rows are written, changed and read, with their digest, and the trail has them whole", async () => {
  const made = await ask("POST", "names", { body: [rowOf(1), rowOf(2)], headers: SHOWN });
  expect([made.status, made.json()]).toEqual([201, [rowOf(1), rowOf(2)]]);
  const one = await ask("GET", "names?id=eq.1");
  expect(one.json()).toEqual([rowOf(1)]);
  const tag = one.headers.etag!;
  expect((await ask("GET", "names?id=eq.1", { headers: { "if-none-match": tag } })).status).toBe(304);
  const changed = await ask("PATCH", "names?id=eq.1", {
    body: { m: 7 },
    headers: { ...SHOWN, "if-match": tag },
  });
  expect(changed.json()).toEqual([{ ...rowOf(1), m: 7 }]);
  // The digest was of column d alone, or an error.
  const stale = await ask("PATCH", "names?id=eq.1", { body: { m: 8 }, headers: { "if-match": tag } });
  expect(stale.status).toBe(412);
  expect((await ask("DELETE", "names?id=eq.2")).status).toBe(204);
  const { rows } = await db.admin.query(
    "select action, row_id, before, after from tenant.audit_events where table_name = 'names' order by action, row_id",
  );
  expect(rows).toEqual([
    { action: "names.created", row_id: "1", before: null, after: rowOf(1) },
    { action: "names.created", row_id: "2", before: null, after: rowOf(2) },
    { action: "names.deleted", row_id: "2", before: rowOf(2), after: null },
    { action: "names.updated", row_id: "1", before: { m: rowOf(1)["m"] }, after: { m: 7 } },
  ]);
});

test("functions that take the row whole get it, of a table, of what was written and of what was called", async () => {
  await ask("POST", "names", { body: [rowOf(3), { ...rowOf(4), up: 3 }] });
  const shown = { id: 4, label: "no. 4", above: { label: "no. 3" } };
  const select = "select=id,label,above:up(label)&id=eq.4";
  expect((await ask("GET", `names?${select}&label=eq.no.%204&order=label`)).json()).toEqual([shown]);
  expect((await ask("PATCH", `names?${select}`, { body: { t0: 1 }, headers: SHOWN })).json()).toEqual([shown]);
  expect((await ask("GET", `rpc/all_names?${select}`)).json()).toEqual([shown]);
});
