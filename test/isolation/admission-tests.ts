import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeScope, type Scope } from "../../src/db/scope.ts";
import { MEMBERS } from "../members.ts";
import { enter, outcome, type Arena } from "./arena.ts";

const hex = (id: string) => id.replaceAll("-", "");
const SESSION = `s${hex(MEMBERS.session)}`;
const IMPERSONATION = `i${hex(MEMBERS.impersonation)}`;
const WHO = "select platform.current_principal() as principal, platform.current_membership_role() as role";
const WRITE = "insert into app.customers (number, name) values ('admitted', 'x')";

/** Sessions, keys and impersonations are looked at in every transaction, whatever the context says. */
export function testAdmission(arenaOf: () => Arena): void {
  let client: pg.Client;
  beforeAll(async () => {
    client = await arenaOf().database.connect("rowhouse_api");
  });
  afterAll(() => client.end());

  /** Of A, by a token that makes the most of itself. */
  const scope = (grant: string, principal: string = MEMBERS.user): Scope => {
    const { a, database } = arenaOf();
    return makeScope({ tenantId: a.tenantId, epoch: a.epoch, principal, role: "owner", grant }, database.keyring);
  };
  const keyOf = async () => {
    const { rows } = await arenaOf().admin.query<{ hash: string }>(
      "select encode(hash, 'hex') as hash from tenant.api_keys where tenant_id = $1 and id = $2",
      [arenaOf().a.tenantId, MEMBERS.key],
    );
    return `k${rows[0]!.hash}`;
  };
  const change = (text: string) => arenaOf().admin.query(text, [arenaOf().a.tenantId]);

  /** What entering comes to, or else the statement. */
  async function attempt(wanted: Scope, text = WRITE, access: "read" | "write" = "write"): Promise<number | string> {
    try {
      await enter(client, wanted, access);
      return await outcome(client, text);
    } catch (error) {
      return (error as pg.DatabaseError).code ?? String(error);
    } finally {
      await client.query("rollback");
    }
  }
  async function whoIs(wanted: Scope): Promise<unknown> {
    await enter(client, wanted, "read");
    const { rows } = await client.query(WHO);
    await client.query("rollback");
    return rows[0];
  }

  beforeEach(async () => {
    await change(
      "update tenant.users set role = 'member', is_active = true where tenant_id = $1 and email like 'clerk@%'",
    );
    await change(
      "update tenant.sessions set revoked_at = null, expires_at = now() + interval '1 day' where tenant_id = $1",
    );
    await change("update tenant.api_keys set revoked_at = null, expires_at = null where tenant_id = $1");
    await change(
      "update tenant.impersonations set ended_at = null, writes = false, started_at = now(), expires_at = now() + interval '1 hour' where tenant_id = $1",
    );
  });

  describe("a session", () => {
    test("gives the role that its user has, and not the one that the token says", async () => {
      expect(await whoIs(scope(SESSION))).toEqual({ principal: MEMBERS.user, role: "member" });
      expect(await attempt(scope(SESSION))).toBe(1);
      expect(await attempt(scope(SESSION), "delete from app.customers")).toBe("RH206");
    });

    test("gives a lowered role at the next transaction", async () => {
      await change("update tenant.users set role = 'viewer' where tenant_id = $1 and email like 'clerk@%'");
      expect(await attempt(scope(SESSION))).toBe("RH206");
    });

    test.each([
      ["is ended", "update tenant.sessions set revoked_at = now() where tenant_id = $1", "RH207"],
      ["has expired", "update tenant.sessions set expires_at = now() where tenant_id = $1", "RH207"],
      ["is of a user who is not active", "update tenant.users set is_active = false where tenant_id = $1", "RH208"],
    ])("that %s enters no more, to read or to write", async (_, text, code) => {
      await change(text);
      expect([await attempt(scope(SESSION)), await attempt(scope(SESSION), WHO, "read")]).toEqual([code, code]);
      await change("update tenant.users set is_active = true where tenant_id = $1");
    });

    test("is nobody else's, and nothing else", async () => {
      const made = scope(SESSION);
      const forged = (grant: string) => attempt({ ...made, context: made.context.replace(SESSION, grant) });
      expect(await attempt(scope(SESSION, "somebody"))).toBe("RH207");
      expect(await attempt(scope(IMPERSONATION.replace("i", "s")))).toBe("RH207");
      expect(await forged(`x${hex(MEMBERS.session)}`)).toBe("RH207");
      expect(await forged("s")).toBe("22P02");
      expect(await forged(" ")).toBe("RH207");
    });

    test("is of its tenant: the same id is in both, and ends in one", async () => {
      const { b, database, admin } = arenaOf();
      await admin.query("update tenant.sessions set revoked_at = now() where tenant_id = $1", [b.tenantId]);
      const facts = { tenantId: b.tenantId, epoch: b.epoch, principal: MEMBERS.user, role: "owner", grant: SESSION };
      expect(await attempt(makeScope(facts, database.keyring), WHO)).toBe("RH207");
      expect(await attempt(scope(SESSION), WHO)).toBe(1);
    });
  });

  describe("a user whom another issuer names", () => {
    const USER = `u${hex(MEMBERS.user)}`;

    test("is who they are here, with the role of now", async () => {
      expect(await whoIs(scope(USER))).toEqual({ principal: MEMBERS.user, role: "member" });
      expect(await attempt(scope(USER))).toBe(1);
      await change("update tenant.users set role = 'viewer' where tenant_id = $1 and email like 'clerk@%'");
      expect(await attempt(scope(USER))).toBe("RH206");
    });

    test("enters no more once they are not active, and is nobody else", async () => {
      expect(await attempt(scope(USER, "somebody"))).toBe("RH207");
      expect(await attempt(scope(`u${"0".repeat(32)}`, "00000000-0000-0000-0000-000000000000"))).toBe("RH207");
      await change("update tenant.users set is_active = false where tenant_id = $1 and email like 'clerk@%'");
      expect(await attempt(scope(USER), WHO, "read")).toBe("RH208");
    });

    test("is of their tenant: the same id is in both", async () => {
      const { b, database, admin } = arenaOf();
      await admin.query("update tenant.users set is_active = false where tenant_id = $1 and id = $2", [
        b.tenantId,
        MEMBERS.user,
      ]);
      const facts = { tenantId: b.tenantId, epoch: b.epoch, principal: MEMBERS.user, role: "owner", grant: USER };
      expect(await attempt(makeScope(facts, database.keyring), WHO)).toBe("RH208");
      expect(await attempt(scope(USER), WHO)).toBe(1);
      await admin.query("update tenant.users set is_active = true where tenant_id = $1 and id = $2", [
        b.tenantId,
        MEMBERS.user,
      ]);
    });
  });

  describe("an API key", () => {
    test("gives its role, and is the principal", async () => {
      const key = scope(await keyOf(), "whoever");
      expect(await whoIs(key)).toEqual({ principal: `key:${MEMBERS.key}`, role: "viewer" });
      expect(await attempt(key)).toBe("RH206");
    });

    test.each([
      ["is revoked", "update tenant.api_keys set revoked_at = now() where tenant_id = $1"],
      ["has expired", "update tenant.api_keys set expires_at = now() where tenant_id = $1"],
    ])("that %s enters no more", async (_, text) => {
      const key = scope(await keyOf());
      await change(text);
      expect(await attempt(key, WHO, "read")).toBe("RH207");
    });
  });

  describe("an impersonation", () => {
    test("reads as its role, under the operator's name", async () => {
      expect(await whoIs(scope(IMPERSONATION))).toEqual({ principal: "operator:ops", role: "viewer" });
    });

    test("writes only when it was begun so", async () => {
      await change("update tenant.impersonations set role = 'admin' where tenant_id = $1");
      expect(await attempt(scope(IMPERSONATION))).toBe("RH206");
      await change("update tenant.impersonations set writes = true where tenant_id = $1");
      expect(await attempt(scope(IMPERSONATION))).toBe(1);
      await change("update tenant.impersonations set role = 'viewer' where tenant_id = $1");
    });

    test.each([
      ["is ended", "update tenant.impersonations set ended_at = now() where tenant_id = $1"],
      [
        "is over",
        "update tenant.impersonations set started_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' where tenant_id = $1",
      ],
    ])("that %s enters no more", async (_, text) => {
      await change(text);
      expect(await attempt(scope(IMPERSONATION), WHO, "read")).toBe("RH207");
    });
  });

  describe("SQL of a viewer", () => {
    const viewer = () => {
      const { a, database } = arenaOf();
      return makeScope({ tenantId: a.tenantId, epoch: a.epoch, principal: "eve", role: "viewer" }, database.keyring);
    };
    const owner = () => viewer().context.replace(",viewer", ",owner");

    test.each([
      ["put_context", () => `select platform.put_context('${owner()}')`, "42501"],
      ["admit", () => `select platform.admit('${owner()}', true)`, "42501"],
      ["record_event", () => "select platform.record_event('x.y')", "42501"],
      ["purge_audit", () => "select platform.purge_audit()", "42501"],
      ["audit_rows", () => "select platform.audit_rows()", "42501"],
      ["keeps_trail", () => "select platform.keeps_trail()", "42501"],
      ["set_options", () => `select platform.set_options('app.customers', '{"anonymous": ["delete"]}')`, "42501"],
      ["protect_table", () => `select platform.protect_table('app.customers', '{}')`, "42501"],
      ["the options", () => `insert into platform.table_options values ('app', 'customers', '{}')`, "42501"],
      ["the plans", () => "update platform.plans set limits = '{}'", "42501"],
      ["the policy", () => "alter policy member_delete on app.customers using (true)", "42501"],
      ["a policy of its own", () => "create policy mine on app.customers using (true)", "42501"],
      ["the trigger", () => "alter table app.customers disable trigger rowhouse_audit_update", "42501"],
      ["set role", () => "set role rowhouse_platform", "42501"],
      ["its role", () => "update tenant.users set role = 'owner'", 0],
      [
        "permissions",
        () => "insert into tenant.permissions (role, table_name, verb) values ('clerk', '*', '*')",
        "RH206",
      ],
      ["asking for another verb", () => "select platform.permitted_tenant('delete', 'app.customers', 'app')", "RH206"],
      ["passwords", () => "select password from tenant.credentials", "42501"],
      ["hashes of keys", () => "select hash from tenant.api_keys", "42501"],
    ])("gets no further by %s", async (_, text, code) => {
      expect(await attempt(viewer(), text())).toBe(code);
    });

    test.each([
      ["SET LOCAL", () => `set local backtrace_functions = '${owner()}'`],
      ["a context of its own", () => `set local app.context = '${owner()}'`],
      ["the shown setting", () => "set local app.role = 'owner'"],
      ["asking in another kind's name", () => "select platform.permitted_tenant('delete', 'app.customers', 'users')"],
      ["a settings function", () => `select set_config('app.context', '${owner()}.', true)`],
      ["reset all", () => "reset all"],
    ])("deletes nothing after %s", async (_, text) => {
      await enter(client, viewer());
      await client.query("savepoint s");
      if (typeof (await outcome(client, text())) === "string") await client.query("rollback to s");
      expect(["RH206", "42501"]).toContain(await outcome(client, "delete from app.invoice_items"));
      await client.query("rollback");
    });

    test("a refusal names the permission, and says nothing of rows", async () => {
      await enter(client, viewer());
      const error: unknown = await client.query("delete from app.customers").catch((refusal: unknown) => refusal);
      await client.query("rollback");
      expect(error).toMatchObject({
        code: "RH206",
        message: "The role viewer may not delete from app.customers",
        detail: "Missing permission: delete on app.customers",
        hint: "An administrator of the tenant can give it to the role, or give you another role.",
      });
    });
  });
}
