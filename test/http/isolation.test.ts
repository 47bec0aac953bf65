import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let token: string;
/** Every table of `app` and `tenant`, with up to twenty ids of initech's rows. */
let tables: { schema: string; name: string; ids: string[] }[];

const rowsOf = (slug: string) => `tenant_id = (select id from platform.tenants where slug = '${slug}')`;

beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  token = await server.token("globex");
  // The sales example has none of its own.
  await db.admin.query(
    "insert into tenant.idempotency_keys (tenant_id, principal, key, fingerprint, answer) select id, 'p', 'k', 'x', '[]' from platform.tenants",
  );
  const { rows } = await db.admin.query<{ schema: string; name: string }>(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('app', 'tenant') and c.relkind in ('r', 'p') order by 1, 2`,
  );
  tables = [];
  for (const { schema, name } of rows) {
    // Some of the tables of tenant are kept by other columns, and asked for by id none the less.
    const found = await db.admin.query<{ id: string }>(
      `select coalesce(to_jsonb(t) ->> 'id', gen_random_uuid()::text) as id from ${schema}.${name} t where ${rowsOf("initech")} limit 20`,
    );
    tables.push({ schema, name, ids: found.rows.map(({ id }) => id) });
  }
});
afterAll(async () => {
  await server.close();
  await db.close();
});

/** All of initech's rows of a table, as the superuser sees them. */
async function content(schema: string, name: string): Promise<string> {
  const { rows } = await db.admin.query<{ all: string }>(
    `select md5(string_agg(t::text, '' order by t::text)) as all from ${schema}.${name} t where ${rowsOf("initech")}`,
  );
  return rows[0]!.all;
}

const ask = (
  method: string,
  path: string,
  body?: unknown,
  prefer = "return=representation",
  headers: Record<string, string> = {},
) => server.request("globex.localhost", `/rest/v1/${path}`, { method, token, body, headers: { prefer, ...headers } });

describe("over HTTP, with globex's token at globex's host", () => {
  test("initech has rows in every table, so that nothing passes for want of them", () => {
    expect(tables.length).toBeGreaterThanOrEqual(9);
    expect(tables.filter(({ ids }) => ids.length === 0)).toEqual([]);
  });

  test("no verb reads or changes a row of initech, in any table of app", async () => {
    for (const { schema, name, ids } of tables.filter((table) => table.schema === "app")) {
      const before = await content(schema, name);
      const url = `${name}?id=in.(${ids.join(",")})`;
      expect((await ask("GET", url)).json()).toEqual([]);
      expect((await ask("PATCH", url, { created_at: "2001-01-01T00:00:00Z" })).json()).toEqual([]);
      expect((await ask("DELETE", url)).json()).toEqual([]);
      const upsert = await ask("POST", name, { id: ids[0] }, "resolution=merge-duplicates");
      expect(upsert.status).not.toBe(200); // 200 would be a row that was there
      expect({ [name]: await content(schema, name) }).toEqual({ [name]: before });
    }
  });

  test("the tables of tenant are served by no verb beside the app's, but for the audit events", async () => {
    const served = new Set([
      "audit_events",
      ...tables.filter(({ schema }) => schema === "app").map(({ name }) => name),
    ]);
    for (const { name, ids } of tables.filter(({ schema, name }) => schema === "tenant" && !served.has(name))) {
      const url = `${name}?id=in.(${ids.join(",")})`;
      const answers = [
        await ask("GET", url),
        await ask("POST", name, { id: ids[0] }),
        await ask("PATCH", url, { id: ids[0] }),
        await ask("DELETE", url),
      ];
      expect(answers.map((answer) => answer.json()["code"])).toEqual(answers.map(() => "PGRST205"));
    }
  });

  test("under the profile tenant no verb reads or changes a row of initech", async () => {
    const profile = { "accept-profile": "tenant", "content-profile": "tenant" };
    const served: string[] = [];
    for (const { schema, name, ids } of tables.filter((table) => table.schema === "tenant")) {
      const before = await content(schema, name);
      const url = `${name}?id=in.(${ids.join(",")})`;
      const read = await ask("GET", url, undefined, undefined, profile);
      if (read.status === 200) served.push(name);
      // Some rows of both have one id: a leak would double them.
      const { rowCount } = await db.admin.query(
        `select from ${schema}.${name} t where ${rowsOf("globex")} and to_jsonb(t) ->> 'id' = any ($1)`,
        [ids],
      );
      const found = read.status === 200 ? read.json<unknown[]>().length : rowCount;
      expect({ [name]: found }).toEqual({ [name]: rowCount });
      await ask("POST", name, { id: ids[0] }, "resolution=merge-duplicates", profile);
      await ask("PATCH", url, { name: "taken" }, undefined, profile);
      await ask("DELETE", url, undefined, undefined, profile);
      expect({ [name]: await content(schema, name) }).toEqual({ [name]: before });
    }
    expect(served).toEqual(expect.arrayContaining(["api_keys", "audit_events", "locations", "settings", "users"]));
  });

  test("a tenant_id is refused wherever it stands: body, columns, filter, select, order, on_conflict", async () => {
    const { id } = await db.tenant("initech");
    const prefer = "resolution=merge-duplicates";
    for (const { name } of tables.filter(({ schema }) => schema === "app")) {
      const answers = [
        await ask("POST", name, { tenant_id: id }),
        await ask("POST", `${name}?columns=id,tenant_id`, { id: crypto.randomUUID() }),
        await ask("PATCH", `${name}?id=is.null`, { tenant_id: id }),
        await ask("GET", `${name}?tenant_id=eq.${id}`),
        await ask("GET", `${name}?select=tenant_id`),
        await ask("GET", `${name}?order=tenant_id`),
        await ask("POST", `${name}?on_conflict=tenant_id,id`, { id: crypto.randomUUID() }, prefer),
      ];
      const refusal = { status: 400, code: "RH111" };
      const seen = answers.map((answer) => ({ status: answer.status, code: answer.json()["code"] }));
      expect(seen).toEqual(answers.map(() => refusal));
    }
  });

  test("a row of its own can't be made to refer to one of initech", async () => {
    const customer = tables.find(({ name }) => name === "customers")!.ids[0];
    const answer = await ask("POST", "invoices", { customer_id: customer });
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ code: "23503" });
    expect(answer.text).not.toContain("tenant_id");
  });
});
