import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicKey } from "../../../src/auth/api-key.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { eventually, testServer, type TestRequest, type TestServer } from "../server.ts";
import { makeShop } from "./shop.ts";

let db: TestDatabase;
let server: TestServer;
let key: string;
beforeAll(async () => {
  db = await testDatabase();
  await makeShop(db);
  key = publicKey((await db.tenant("acme")).id);
  server = await testServer(db);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const ask = (path: string, { method = "GET", headers, ...options }: TestRequest = {}, host = "acme.localhost") =>
  server.request(host, path, { method, ...options, headers: { ...headers } });
const rest = (path: string, options?: TestRequest, host?: string) => ask(`/rest/v1/${path}`, options, host);
const NO_TOKEN = [401, "Bearer", "PGRST302"];
const shape = async (answer: ReturnType<typeof ask>) => {
  const given = await answer;
  return [given.status, given.headers["www-authenticate"], given.json()["code"]];
};
/** What the migration of an app does, and every server hears. */
async function migrate(sql: string): Promise<void> {
  await db.admin.query(`begin; set local role rowhouse_owner; ${sql}; reset role; notify rowhouse_catalog; commit`);
}

describe("while no table is open", () => {
  test("a request without a token is refused before the database is asked", async () => {
    expect(await shape(rest("customers"))).toEqual(NO_TOKEN);
    expect(await shape(rest("nothing_of_this_name"))).toEqual(NO_TOKEN);
    expect(await shape(rest("rpc/ping"))).toEqual(NO_TOKEN);
    expect(await shape(rest("settings", { headers: { "accept-profile": "tenant" } }))).toEqual(NO_TOKEN);
  });

  test("the public key is anybody: it reads public settings, and is asked for a token for all else", async () => {
    const headers = { apikey: key };
    const settings = await rest("settings?select=name,is_public", {
      headers: { ...headers, "accept-profile": "tenant" },
    });
    expect(settings.status).toBe(200);
    expect(settings.json<{ is_public: boolean }[]>().every(({ is_public }) => is_public)).toBe(true);
    const refused = await rest("customers", { headers });
    expect([refused.status, refused.headers["www-authenticate"], refused.json()]).toEqual([
      401,
      "Bearer",
      {
        code: "RH206",
        details: "Missing permission: select on app.customers",
        hint: "Sign in, or send a key.",
        message: "The role anonymous may not read app.customers",
      },
    ]);
  });
});

describe("with a table that is open to read, and a form that is open to fill in", () => {
  beforeAll(async () => {
    await migrate(`create table app.requests (tenant_id uuid, id uuid not null default gen_random_uuid(), body text not null, primary key (tenant_id, id));
      select platform.protect_table('app.requests', '{"anonymous": ["insert"]}');
      select platform.protect_table('app.notes', '{"anonymous": ["select"]}')`);
    await eventually(async () => {
      if ((await rest("notes")).status !== 200) throw new Error("The servers have not heard of it yet");
    });
    const { id } = await db.tenant("acme");
    await db.admin.query("insert into app.notes (tenant_id, body) values ($1, 'open')", [id]);
  });

  test("they are, without any credential", async () => {
    expect((await rest("notes?select=body")).json()).toEqual([{ body: "open" }]);
    expect((await rest("requests", { method: "POST", body: { body: "hello" } })).status).toBe(201);
    const { rows } = await db.admin.query(
      "select actor, role from tenant.audit_events where action = 'requests.created'",
    );
    expect(rows).toEqual([{ actor: "anonymous", role: "anonymous" }]);
  });

  test("and by X-Tenant at an address of no tenant; not by neither", async () => {
    expect((await rest("notes", { headers: { "x-tenant": "acme" } }, "api.localhost")).status).toBe(200);
    expect(await shape(rest("notes", {}, "api.localhost"))).toEqual(NO_TOKEN);
    expect((await rest("notes", {}, "globex.localhost")).json()).toEqual([]);
  });

  test.each([
    ["GET", "requests", undefined],
    ["POST", "notes", { body: "x" }],
    ["PATCH", "notes?body=eq.open", { body: "x" }],
    ["DELETE", "notes?body=eq.open", undefined],
    ["GET", "notes?select=body,customers(name)", undefined],
    ["GET", "customers?id=eq.00000000-0000-4000-8000-000000000000", undefined],
    ["GET", "audit_events", undefined],
    ["GET", "invoice_totals", undefined],
  ])("%s %s wants a token", async (method, path, body) => {
    expect(await shape(rest(path, { method, ...(body !== undefined && { body }) }))).toEqual([401, "Bearer", "RH206"]);
  });

  test("a bad token is not nobody's, and neither is a bad key", async () => {
    expect((await rest("notes", { token: "a.b.c" })).status).toBe(401);
    expect((await rest("notes", { headers: { apikey: "rh_anon_x" } })).status).toBe(401);
  });

  test("a viewer's token reads it, and what a viewer may not is forbidden, not unauthorized", async () => {
    const token = await server.token("acme", "viewer");
    expect((await rest("notes", { token })).status).toBe(200);
    expect((await rest("notes", { token, method: "POST", body: { body: "x" } })).status).toBe(403);
  });

  test("the description that nobody gets is of what is open, and the one without a token stays whole", async () => {
    const root = await rest("");
    expect(Object.keys(root.json<{ paths: object }>().paths).filter((path) => !path.startsWith("/rpc"))).toEqual([
      "/",
      "/notes",
      "/requests",
    ]);
    expect((await ask("/openapi.json")).json<{ paths: object }>().paths).toHaveProperty("/customers");
  });

  test("a function is closed until its author opens it, and its tables decide even then", async () => {
    const refused = await rest("rpc/ping");
    expect([refused.status, refused.json()["message"]]).toEqual([401, "The role anonymous may not call app.ping"]);
    await migrate(
      "select platform.open_function('app.ping()'); select platform.open_function('app.count_customers()')",
    );
    await eventually(async () => expect((await rest("rpc/ping")).json()).toBe("pong"));
    expect(await shape(rest("rpc/count_customers"))).toEqual([401, "Bearer", "RH206"]);
    expect(await shape(rest("rpc/rename_customers", { method: "POST" }))).toEqual([401, "Bearer", "RH206"]);
  });

  test("closes again with the option", async () => {
    await migrate(`select platform.protect_table('app.notes', '{}'); select platform.protect_table('app.requests', '{}');
      select platform.open_function('app.ping()', false); select platform.open_function('app.count_customers()', false)`);
    await eventually(async () => expect(await shape(rest("notes"))).toEqual(NO_TOKEN));
  });
});

describe("/tenant.json", () => {
  beforeAll(async () => {
    const { id } = await db.tenant("acme");
    await db.admin.query(
      `insert into tenant.settings (tenant_id, name, value, is_public) values ($1, 'theme', '{"dark": true}', true), ($1, 'secret', '1', false)`,
      [id],
    );
  });

  test("says to anybody what is public, and no more", async () => {
    const answer = await ask("/tenant.json");
    expect([answer.status, answer.headers["content-type"], answer.headers["cache-control"]]).toEqual([
      200,
      "application/json; charset=utf-8",
      "public, max-age=60",
    ]);
    expect(answer.json()).toMatchObject({ slug: "acme", settings: { theme: { dark: true } } });
    expect(Object.keys(answer.json())).toEqual(["slug", "name", "settings", "key"]);
    expect(answer.text).not.toContain("secret");
    expect((await ask("/tenant.json", { headers: { "if-none-match": answer.headers["etag"]! } })).status).toBe(304);
    expect((await ask("/tenant.json", {}, "globex.localhost")).json()).toMatchObject({ slug: "globex" });
  });

  test("by X-Tenant at api.BASE_DOMAIN; without any tenant it says so", async () => {
    expect((await ask("/tenant.json", { headers: { "x-tenant": "acme" } }, "api.localhost")).json()).toMatchObject({
      slug: "acme",
    });
    const answer = await ask("/tenant.json", {}, "api.localhost");
    expect([answer.status, answer.json()["code"]]).toEqual([400, "RH105"]);
  });

  test("of a suspended tenant says nothing", async () => {
    await db.admin.query("update platform.tenants set status = 'suspended' where slug = 'initech'");
    await eventually(async () => expect((await ask("/tenant.json", {}, "initech.localhost")).status).toBe(403));
  });
});
