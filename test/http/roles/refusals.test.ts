import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { testServer, type TestAnswer, type TestRequest, type TestServer } from "../server.ts";
import { giveKey, giveRole, makeShop } from "./shop.ts";

const NOTE = "00000000-0000-4000-8000-00000000000a";
let db: TestDatabase;
let server: TestServer;
const tokens = new Map<string, string>();
let key: string;
let customer: string;
beforeAll(async () => {
  db = await testDatabase();
  await makeShop(db);
  await giveRole(db, "acme", "clerk", [
    ["notes", "select"],
    ["app.notes", "insert"],
    ["products", "select"],
  ]);
  key = await giveKey(db, "acme", { notes: ["select"], "app.drafts": ["*"] });
  server = await testServer(db);
  for (const role of ["admin", "manager", "member", "viewer", "clerk", "unheard_of"])
    tokens.set(role, await server.token("acme", role));
  tokens.set("service", key);
  const { id } = await db.tenant("acme");
  const { rows } = await db.admin.query<{ id: string }>("select id from app.customers where tenant_id = $1 limit 1", [
    id,
  ]);
  customer = rows[0]!.id;
  await db.admin.query("insert into app.notes (tenant_id, id, body) values ($1, $2, 'kept')", [id, NOTE]);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const ask = (role: string, method: string, path: string, options: TestRequest = {}): Promise<TestAnswer> =>
  server.request("acme.localhost", `/rest/v1/${path}`, { method, token: tokens.get(role)!, ...options });
const verbs = { read: "select", "insert into": "insert", update: "update", "delete from": "delete" } as const;
const ADMINS = "An administrator of the tenant can give it to the role, or give you another role.";
const refusalOf = (role: string, verb: keyof typeof verbs, table: string, hint = ADMINS) => ({
  code: "RH206",
  details: `Missing permission: ${verbs[verb]} on ${table}`,
  hint,
  message: `The role ${role} may not ${verb} ${table}`,
});

describe("a refusal is 403 and says which permission is missing, and nothing of rows", () => {
  const merge = { prefer: "resolution=merge-duplicates" };
  test.each<[string, string, string, TestRequest, keyof typeof verbs, string]>([
    ["clerk", "GET", "customers", {}, "read", "app.customers"],
    ["clerk", "HEAD", "customers", {}, "read", "app.customers"],
    ["clerk", "GET", "customers?id=eq.00000000-0000-4000-8000-000000000000", {}, "read", "app.customers"],
    ["viewer", "POST", "notes", { body: { body: "x" } }, "insert into", "app.notes"],
    ["viewer", "POST", "notes", { body: [{ body: "x" }, { body: "y" }] }, "insert into", "app.notes"],
    ["viewer", "PATCH", "notes?body=eq.x", { body: { body: "y" } }, "update", "app.notes"],
    ["viewer", "DELETE", "notes?body=eq.x", {}, "delete from", "app.notes"],
    ["member", "DELETE", "customers?name=eq.nobody", {}, "delete from", "app.customers"],
    ["clerk", "POST", "notes", { body: { id: NOTE, body: "x" }, headers: merge }, "update", "app.notes"],
    ["clerk", "PUT", `notes?id=eq.${NOTE}`, { body: { id: NOTE, body: "x" } }, "update", "app.notes"],
    ["clerk", "PATCH", "notes?body=eq.x", { body: { body: "y" } }, "update", "app.notes"],
    ["clerk", "DELETE", "notes", {}, "delete from", "app.notes"],
    ["clerk", "GET", "notes?select=id,customers(name)", {}, "read", "app.customers"],
    ["clerk", "GET", "notes?select=id,customers!inner()", {}, "read", "app.customers"],
    ["clerk", "GET", "invoice_totals", {}, "read", "app.invoices"],
    ["clerk", "POST", "rpc/count_customers", {}, "read", "app.customers"],
    ["clerk", "GET", "rpc/count_customers", {}, "read", "app.customers"],
    ["viewer", "POST", "rpc/rename_customers", {}, "update", "app.customers"],
  ])("%s %s %s", async (role, method, path, options, verb, table) => {
    const answer = await ask(role, method, path, options);
    expect(answer.status).toBe(403);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(answer.headers["proxy-status"]).toBe("PostgREST; error=RH206");
    expect(answer.headers["www-authenticate"]).toBeUndefined();
    expect(answer.headers["content-range"]).toBeUndefined();
    expect(answer.text).toBe(method === "HEAD" ? "" : JSON.stringify(refusalOf(role, verb, table)));
  });

  test.each<[string, string, string]>([
    ["clerk", "GET", "customers?id=eq."],
    ["clerk", "GET", "customers?select=id&limit=1&id=eq."],
    ["clerk", "GET", "notes?select=id,customers!inner(id)&customers.id=eq."],
    ["viewer", "DELETE", "customers?id=eq."],
    ["viewer", "PATCH", "customers?id=eq."],
    ["member", "DELETE", "customers?select=id&id=eq."],
  ])("%s %s %s: the same whether there is such a row or not", async (role, method, path) => {
    const options = method === "PATCH" ? { body: { name: "x" } } : {};
    const [there, nowhere] = await Promise.all(
      [customer, "00000000-0000-4000-8000-000000000000"].map((id) => ask(role, method, path + id, options)),
    );
    expect([there!.status, nowhere!.status]).toEqual([403, 403]);
    expect(there!.text).toBe(nowhere!.text);
    expect(there!.text).not.toContain(customer);
  });

  test("an upsert of a row that is there, by who may only insert, changes nothing", async () => {
    expect((await ask("admin", "GET", `notes?id=eq.${NOTE}&select=body`)).json()).toEqual([{ body: "kept" }]);
  });

  test("what the role may do goes through beside what it may not", async () => {
    expect((await ask("clerk", "GET", "notes?select=id,body")).status).toBe(200);
    expect((await ask("clerk", "POST", "notes", { body: { body: "x" } })).status).toBe(201);
    expect((await ask("clerk", "GET", "rpc/ping")).json()).toBe("pong");
  });
});

test("a role that the tenant does not have may do nothing, and is told so", async () => {
  const answer = await ask("unheard_of", "GET", "customers");
  expect([answer.status, answer.json()]).toEqual([
    403,
    refusalOf(
      "unheard_of",
      "read",
      "app.customers",
      "The tenant has no role of this name: owner, admin, manager, member, viewer, or one that it has made.",
    ),
  ]);
});

describe("the scopes of an API key", () => {
  const hint = "A key with this scope can; scopes of a key are never changed.";

  test.each([
    ["GET", "notes", 200],
    ["GET", "drafts", 200],
    ["POST", "drafts", 201],
  ] as const)("%s %s is in them", async (method, path, status) => {
    const answer = await ask("service", method, path, method === "POST" ? { body: { body: "x" } } : {});
    expect(answer.status).toBe(status);
  });

  test.each<[string, string, keyof typeof verbs, string]>([
    ["POST", "notes", "insert into", "app.notes"],
    ["DELETE", "notes", "delete from", "app.notes"],
    ["GET", "customers", "read", "app.customers"],
    ["GET", "audit_events", "read", "tenant.audit_events"],
  ])("%s %s is not", async (method, path, verb, table) => {
    const answer = await ask("service", method, path, method === "POST" ? { body: { body: "x" } } : {});
    expect([answer.status, answer.json()]).toEqual([403, refusalOf("service", verb, table, hint)]);
  });
});

describe("rows of one's own", () => {
  const made = async (table: string) =>
    (
      await ask("manager", "POST", table, { body: { body: "another's" }, headers: { prefer: "return=representation" } })
    ).json<{ id: string }[]>()[0]!.id;
  /** All test tokens are of one principal; this one is of somebody else. */
  const disown = (table: string) => db.admin.query(`update app.${table} set created_by = 'somebody'`);

  test("write: another's row is read, and is not there to be changed", async () => {
    const id = await made("drafts");
    await disown("drafts");
    const read = await ask("member", "GET", `drafts?id=eq.${id}&select=body`);
    expect(read.json()).toEqual([{ body: "another's" }]);
    const changed = await ask("member", "PATCH", `drafts?id=eq.${id}`, {
      body: { body: "x" },
      headers: { prefer: "return=representation" },
    });
    expect([changed.status, changed.json()]).toEqual([200, []]);
    expect(
      (await ask("member", "DELETE", `drafts?id=eq.${id}`, { headers: { prefer: "count=exact" } })).headers[
        "content-range"
      ],
    ).toBe("*/0");
  });

  test("all: another's row is not there at all", async () => {
    const id = await made("diaries");
    await disown("diaries");
    expect((await ask("member", "GET", `diaries?id=eq.${id}`)).json()).toEqual([]);
    expect((await ask("viewer", "GET", `diaries?id=eq.${id}`)).json()).toHaveLength(1);
  });

  test("nobody makes a row in another's name", async () => {
    const answer = await ask("member", "POST", "diaries", {
      body: { body: "x", created_by: "somebody" },
      headers: { prefer: "return=representation" },
    });
    expect(answer.json<{ created_by: string }[]>()[0]!.created_by).toBe("11111111-1111-4111-8111-111111111111");
  });
});
