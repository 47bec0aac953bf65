import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rotateSigningKey } from "../../src/auth/keys.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually, testServer, type TestServer } from "./server.ts";

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

const read = (path = "/rest/v1/customers?limit=1") => server.get("acme.localhost", path, { token });

/** Changes the registry without a word to the servers, as when a notification is lost. */
async function silently(sql: string): Promise<void> {
  await db.admin.query(`set session_replication_role = replica; ${sql}; reset session_replication_role`);
}

describe("the schema", () => {
  test("a new table is served after NOTIFY, the old ones all the while, and a dropped one no longer", async () => {
    expect((await read("/rest/v1/notes")).json()["code"]).toBe("PGRST205");
    await db.admin.query(`
      set role rowhouse_owner;
      create table app.notes (tenant_id uuid not null, id int not null, text text not null, primary key (tenant_id, id));
      select platform.protect_table('app.notes');
      notify rowhouse_catalog;
      reset role`);
    await eventually(async () => expect((await read("/rest/v1/notes")).json()).toEqual([]));
    const made = await server.request("acme.localhost", "/rest/v1/notes", {
      method: "POST",
      token,
      body: { id: 1, text: "first" },
      headers: { prefer: "return=representation" },
    });
    expect([made.status, made.json()]).toEqual([201, [{ id: 1, text: "first" }]]);
    expect((await server.get("acme.localhost", "/openapi.json")).text).toContain("/notes");
    await db.admin.query("drop table app.notes; notify pgrst, 'reload schema'");
    await eventually(async () => expect((await read("/rest/v1/notes")).json()["code"]).toBe("PGRST205"));
    expect((await read()).status).toBe(200);
  });

  test("what was missed while nobody listened is read when the connection is back", async () => {
    await db.admin.query(
      "set role rowhouse_owner; create table app.missed (tenant_id uuid, id int, primary key (tenant_id, id)); select platform.protect_table('app.missed'); reset role",
    );
    await db.admin.query(
      // What it asked last: by and by its heartbeat.
      "select pg_terminate_backend(pid) from pg_stat_activity where (query like 'listen %' or query = 'select') and datname = current_database()",
    );
    await eventually(async () => expect((await read("/rest/v1/missed")).json()).toEqual([]));
    await db.admin.query("drop table app.missed; notify rowhouse_catalog");
  });
});

describe("a registry that is out of date", () => {
  test("a new placement epoch: asked again and answered, once, for reads and writes", async () => {
    expect((await read()).status).toBe(200);
    await silently("update platform.tenants set epoch = epoch + 1 where slug = 'acme'");
    expect((await read()).status).toBe(200);
    await silently("update platform.tenants set epoch = epoch + 1 where slug = 'acme'");
    const written = await server.request("acme.localhost", "/rest/v1/customers?number=eq.C-00013", {
      method: "PATCH",
      token,
      body: { notes: "moved" },
      headers: { prefer: "count=exact" },
    });
    expect(written.status).toBe(204);
    const { rows } = await db.admin.query("select from app.customers where notes = 'moved'");
    expect(rows).toHaveLength(1);
  });

  test("a suspension that nobody heard of still locks out, because enter() decides", async () => {
    expect((await read()).status).toBe(200);
    await silently("update platform.tenants set status = 'suspended' where slug = 'acme'");
    const answer = await read();
    expect([answer.status, answer.json()["code"]]).toEqual([403, "RH103"]);
    await db.admin.query("update platform.tenants set status = 'active' where slug = 'acme'");
    await eventually(async () => expect((await read()).status).toBe(200));
  });
});

describe("the keys", () => {
  test("the JWK set is public, and holds no private part", async () => {
    const answer = await server.get("acme.localhost", "/.well-known/jwks.json");
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/jwk-set+json"]);
    const { keys } = answer.json<{ keys: Record<string, string>[] }>();
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatchObject({ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" });
    expect(keys[0]).not.toHaveProperty("d");
  });

  test("rotation: the new key is published, and tokens of both are good; a leaked key's are not", async () => {
    const kids = async () =>
      (await server.get("acme.localhost", "/.well-known/jwks.json"))
        .json<{ keys: { kid: string }[] }>()
        .keys.map(({ kid }) => kid);
    const [first] = await kids();
    const second = await rotateSigningKey(db.platform, {}, "test");
    await eventually(async () => expect(await kids()).toEqual([second.kid, first]));
    expect((await read()).status).toBe(200);
    const fresh = await (await testServerToken()).token("acme");
    expect((await server.get("acme.localhost", "/rest/v1/customers?limit=1", { token: fresh })).status).toBe(200);
    await rotateSigningKey(db.platform, { acceptForSeconds: 0 }, "test");
    await eventually(async () => {
      const answer = await server.get("acme.localhost", "/rest/v1/customers?limit=1", { token: fresh });
      expect([answer.status, answer.json()["code"]]).toEqual([401, "PGRST301"]);
    });
  });
});

/** The helper's keyset is as old as its server: a token by the newest key comes from a new one. */
async function testServerToken(): Promise<TestServer> {
  const other = await testServer(db);
  await other.close();
  return other;
}
