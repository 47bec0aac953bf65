import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

describe("the data API over HTTP", () => {
  test("a tenant's token reads that tenant's rows, and tenant_id is not in them", async () => {
    const answer = await server.get("acme.localhost", "/rest/v1/customers?limit=2", { token });
    expect([answer.status, answer.headers["content-type"], answer.headers["content-range"]]).toEqual([
      200,
      "application/json; charset=utf-8",
      "0-1/*",
    ]);
    const rows = answer.json<Record<string, unknown>[]>();
    expect(rows).toHaveLength(2);
    const { rows: mine } = await db.admin.query("select from app.customers where id = any($1) and tenant_id = $2", [
      rows.map(({ id }) => id),
      (await db.tenant("acme")).id,
    ]);
    expect(mine).toHaveLength(2);
    expect(answer.text).not.toContain("tenant_id");
  });

  test("HEAD is GET without a body", async () => {
    const answer = await server.request("acme.localhost", "/rest/v1/customers?limit=2", {
      method: "HEAD",
      token,
      headers: { prefer: "count=exact" },
    });
    expect([answer.status, answer.text]).toEqual([206, ""]);
    expect(answer.headers["content-range"]).toMatch(/^0-1\/\d+$/);
  });

  test("insert, read back, change, delete", async () => {
    const body = { number: "C-99999", kind: "company", name: "Ünïcode & Söhne \u{1f3e0}" };
    const made = await server.request("acme.localhost", "/rest/v1/customers", {
      method: "POST",
      token,
      body,
      headers: { prefer: "return=representation" },
    });
    expect(made.status).toBe(201);
    const [{ id, name }] = made.json<[{ id: string; name: string }]>();
    expect(name).toBe(body.name);
    const path = `/rest/v1/customers?id=eq.${id}`;
    const changed = await server.request("acme.localhost", path, { method: "PATCH", token, body: { notes: "later" } });
    expect([changed.status, changed.text]).toEqual([204, ""]);
    expect((await server.get("acme.localhost", `${path}&select=notes`, { token })).json()).toEqual([
      { notes: "later" },
    ]);
    const removed = await server.request("acme.localhost", path, { method: "DELETE", token });
    expect(removed.status).toBe(204);
    expect((await server.get("acme.localhost", path, { token })).json()).toEqual([]);
  });

  test("an insert without representation has a place and no body", async () => {
    const body = { number: "C-99998", kind: "company", name: "Placed" };
    const made = await server.request("acme.localhost", "/rest/v1/customers", {
      method: "POST",
      token,
      body,
      headers: { prefer: "return=headers-only" },
    });
    expect([made.status, made.text, made.headers["content-type"]]).toEqual([201, "", undefined]);
    expect(made.headers.location).toMatch(/^\/rest\/v1\/customers\?id=eq\./);
  });

  test("a path with a broken escape, and one with a slash too many", async () => {
    for (const path of ["/rest/v1/%zz", "/rest/v1/customers/1"]) {
      const answer = await server.get("acme.localhost", path, { token });
      expect([answer.status, answer.json()["code"]]).toEqual([404, "PGRST125"]);
    }
  });

  test("another tenant's row can't be read, changed or deleted by its id", async () => {
    const { rows } = await db.admin.query<{ id: string }>("select id from app.customers where tenant_id = $1 limit 1", [
      (await db.tenant("globex")).id,
    ]);
    const path = `/rest/v1/customers?id=eq.${rows[0]!.id}`;
    const headers = { prefer: "return=representation" };
    expect((await server.get("acme.localhost", path, { token })).json()).toEqual([]);
    expect(
      (
        await server.request("acme.localhost", path, { method: "PATCH", token, headers, body: { notes: "mine" } })
      ).json(),
    ).toEqual([]);
    expect((await server.request("acme.localhost", path, { method: "DELETE", token, headers })).json()).toEqual([]);
    const left = await db.admin.query("select notes from app.customers where id = $1", [rows[0]!.id]);
    expect(left.rows).toHaveLength(1);
    expect(left.rows[0]).not.toEqual({ notes: "mine" });
  });
});

test("supabase-js as it is, token as its key", async () => {
  // undici has no way to set Host, and not every resolver knows *.localhost: the client's own fetch goes through ours.
  const through: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    const headers = Object.fromEntries(new Headers(init?.headers));
    const answer = await server.request(url.host, url.pathname + url.search, {
      method: init?.method,
      headers,
      body: init?.body ?? undefined,
    });
    const body = [204, 304].includes(answer.status) ? null : answer.text;
    return new Response(body, { status: answer.status, headers: answer.headers as Record<string, string> });
  };
  const acme = createClient(`http://acme.localhost:${server.port}`, token, { global: { fetch: through } });
  const { data, error, count } = await acme
    .from("invoices")
    .select("id, customer:customers(name)", { count: "exact" })
    .limit(2);
  expect(error).toBeNull();
  expect(count).toBeGreaterThan(2);
  expect(data).toEqual([
    { id: expect.any(String), customer: { name: expect.any(String) } },
    { id: expect.any(String), customer: { name: expect.any(String) } },
  ]);
  const wrong = await acme.from("nothing").select();
  expect(wrong.error).toMatchObject({ code: "PGRST205" });
});
