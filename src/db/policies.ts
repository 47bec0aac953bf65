import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type pg from "pg";
import { PACKAGE_DIR } from "../config.ts";
import { scramVerifier, type Keyring } from "./keyring.ts";
import { inTransaction, isDatabaseError } from "./transaction.ts";

const POLICIES_DIR = join(PACKAGE_DIR, "policies");
/** In the order in which each needs what the ones before made. roles.sql and sessions.sql run as the connecting user. */
const OWNER_FILES = [
  "context.sql",
  "schemas.sql",
  "access.sql",
  "audit.sql",
  "protect.sql",
  "members.sql",
  "limits.sql",
  "platform.sql",
  "webhooks.sql",
  "request.sql",
  "idempotency.sql",
  "move.sql",
  "tables.sql",
] as const;
/** What an app's migrations build on. An older version of the database, too, takes them. */
const FOUNDATION_FILES = ["context.sql", "schemas.sql", "access.sql", "audit.sql", "protect.sql", "tables.sql"];
const LOGIN_ROLES = [
  "rowhouse_api",
  "rowhouse_platform",
  "rowhouse_exporter",
  "rowhouse_importer",
  "rowhouse_mover",
] as const;

/** On PostgreSQL 15 only a superuser alters a role that replicates, as the mover does once a superuser has run this. */
const SET_PASSWORD = `do $$ begin
  execute format('alter role %I login noinherit password %L', current_setting('rowhouse.role'), current_setting('rowhouse.verifier'));
exception when insufficient_privilege then
  if not (select rolreplication from pg_roles where rolname = current_setting('rowhouse.role')) then
    raise;
  end if;
  raise warning 'rowhouse: % may not set the password of %; it stays as it is', current_user, current_setting('rowhouse.role');
end $$`;

const readPolicy = (file: string) => readFile(join(POLICIES_DIR, file), "utf8");

/**
 * Roles belong to the whole cluster: a migrate of another of its databases may be changing the same rows at this moment
 * (XX000 "tuple concurrently updated", 40001, or 23505 in pg_authid).
 */
async function retryRoles<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const again = isDatabaseError(error) && ["XX000", "40001", "23505", "42710", "40P01"].includes(error.code ?? "");
      if (!again || attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25 * attempt));
    }
  }
}

/** Makes the roles and schemas, and gives the roles that log in their derived passwords. */
export async function applyRoles(client: pg.ClientBase, keyring: Keyring): Promise<void> {
  const roles = await readPolicy("roles.sql");
  await retryRoles(() =>
    inTransaction(client, async () => {
      await client.query(roles);
      for (const role of LOGIN_ROLES) {
        await client.query("select set_config('rowhouse.role', $1, true), set_config('rowhouse.verifier', $2, true)", [
          role,
          scramVerifier(keyring.rolePassword(role)),
        ]);
        await client.query(SET_PASSWORD);
      }
    }),
  );
}

/** What migrations of an app build on: the context, add_schema(), protect_table(), and the platform's own tables protected by it. */
export async function applyFoundation(client: pg.ClientBase): Promise<void> {
  const files = await Promise.all(FOUNDATION_FILES.map(readPolicy));
  await inTransaction(client, async () => {
    await client.query("set local role rowhouse_owner");
    for (const sql of files) await client.query(sql);
  });
}

async function appPolicies(appDir: string | null): Promise<string[]> {
  if (appDir === null) return [];
  const dir = join(appDir, "policies");
  const names = await readdir(dir).catch(() => []);
  const files = names.filter((name) => name.endsWith(".sql")).toSorted();
  return Promise.all(files.map((name) => readFile(join(dir, name), "utf8")));
}

/**
 * Applies today's law whole, in one transaction: the platform's, then the app's own policies, then every protected table anew, and
 * last what sessions begin with.
 * @throws RowhouseError tableUnprotected, keyWithoutTenant, tableUnfit
 */
export async function applyPolicies(
  client: pg.ClientBase,
  appDir: string | null,
  /** False before an app's migrations, which may be what protects a table that came to its schema from elsewhere. */
  settled = true,
): Promise<void> {
  const own = await Promise.all(OWNER_FILES.map(readPolicy));
  const app = await appPolicies(appDir);
  await inTransaction(client, async () => {
    await client.query("set local role rowhouse_owner");
    for (const sql of [...own, ...app]) await client.query(sql);
    if (settled) await client.query("select platform.assert_protected()");
    await client.query("reset role");
    await applySessions(client);
  });
}

/** What sessions of requests begin with, which depends on the schemas that are registered. As the connecting user. */
export async function applySessions(client: pg.ClientBase): Promise<void> {
  await client.query(await readPolicy("sessions.sql"));
}
