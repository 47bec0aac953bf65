import type { Database, DbClient } from "../db/connections.ts";
import { makeScope, type Scope } from "../db/scope.ts";
import { readTenantTables, type TenantTable } from "../db/tables.ts";
import { listTenants } from "../tenant/change.ts";
import { attackContext, attackTable, inRolledBack, type Duel } from "./attack.ts";
import type { Finding } from "./finding.ts";
import { loadForgeries } from "./forgeries.ts";
import { enterScope, isDatabaseError } from "../db/transaction.ts";

/** Beyond these, another tenant proves nothing new. */
const MOST_TENANTS = 20;

async function readScopes(database: Database): Promise<Scope[]> {
  const pool = database.openPool("rowhouse_platform", { max: 1 });
  try {
    const active = (await listTenants(pool)).filter(({ status }) => status === "active").slice(0, MOST_TENANTS);
    return active.map(({ id, epoch }) =>
      makeScope({ tenantId: id, epoch, principal: "platform:proof", role: "owner" }, database.keyring),
    );
  } finally {
    await pool.end();
  }
}

/** Whether the tenant has a row in the table. What requests may not look into at all is attacked whoever has rows there. */
function mayHaveRows(client: DbClient, tenant: Scope, { identifier }: TenantTable): Promise<boolean> {
  return inRolledBack(client, async () => {
    await enterScope(client, tenant, "read");
    try {
      return (await client.query(`select from ${identifier} limit 1`)).rowCount === 1;
    } catch (error) {
      if (isDatabaseError(error) && error.code === "42501") return true;
      throw error;
    }
  });
}

/** For a table, a tenant that has rows there, and another one to attack it as; null when no tenant has any. */
async function chooseDuel(client: DbClient, tenants: readonly Scope[], table: TenantTable): Promise<Duel | null> {
  for (const victim of tenants) {
    const attacker = tenants.find((tenant) => tenant !== victim);
    if (attacker !== undefined && (await mayHaveRows(client, victim, table))) return { attacker, victim };
  }
  return null;
}

function unproved(key: string, detail: string, fix: string): Finding {
  return {
    check: "proof",
    level: "info",
    key: `proof:${key}`,
    object: key,
    title: "Isolation could not be tried",
    detail,
    fix,
  };
}

async function proveTables(client: DbClient, tenants: readonly Scope[]): Promise<Finding[]> {
  const forgeries = await loadForgeries();
  const findings: Finding[] = [];
  let forged = false;
  for (const table of await readTenantTables(client)) {
    const duel = await chooseDuel(client, tenants, table);
    if (duel === null) {
      // Of Rowhouse's own tables some are empty most of the time; what is an app's ought to be tried.
      if (table.schema !== "tenant")
        findings.push(unproved(table.identifier, "No tenant has a row in it.", "Run this again when there are rows."));
      continue;
    }
    findings.push(...(await attackTable(client, table, duel)));
    if (!forged) findings.push(...(await attackContext(client, table, duel, forgeries)));
    forged = true;
  }
  return findings;
}

/**
 * Attacks the running database as one of its tenants: for each table of tenants and each verb, then by every way in
 * `policies/checks/forgeries.sql` to become another tenant. In the API role, on a connection of its own, each attack in a
 * transaction that is rolled back: nothing is changed, even where the wall has a hole.
 * @returns what got through, level `error`; what could not be tried, level `info`
 * @throws RowhouseError databaseUnavailable
 */
export async function proveIsolation(database: Database): Promise<Finding[]> {
  const tenants = await readScopes(database);
  if (tenants.length < 2) {
    return [unproved("tenants", "There are no two active tenants.", "Make a second one: `rowhouse tenant create`.")];
  }
  const client = await database.connect("rowhouse_api");
  try {
    return await proveTables(client, tenants);
  } finally {
    await client.end();
  }
}
