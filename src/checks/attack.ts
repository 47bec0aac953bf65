import type { DbClient } from "../db/connections.ts";
import type { Scope } from "../db/scope.ts";
import type { TenantTable } from "../db/tables.ts";
import { enterScope, isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { Finding } from "./finding.ts";
import { renderForgery, type Forgery } from "./forgeries.ts";

/** Who attacks, and whose rows are to stay out of reach. */
export interface Duel {
  readonly attacker: Scope;
  readonly victim: Scope;
}

interface Attempt {
  readonly name: string;
  /** `$1` is the victim. */
  readonly text: (table: TenantTable) => string;
  /** Only a refusal will do: that no row was touched says nothing here. */
  readonly mustRefuse?: true;
  readonly withoutContext?: true;
}

const firstColumn = ({ columns }: TenantTable) => columns.find(({ name }) => name !== "id")?.identifier ?? "id";

const ATTEMPTS: readonly Attempt[] = [
  { name: "select", text: ({ identifier }) => `select from ${identifier} where tenant_id = $1 limit 1` },
  { name: "insert", text: ({ identifier }) => `insert into ${identifier} (tenant_id) values ($1)`, mustRefuse: true },
  {
    name: "update",
    text: (table) =>
      `update ${table.identifier} set ${firstColumn(table)} = ${firstColumn(table)} where tenant_id = $1`,
  },
  { name: "give away", text: ({ identifier }) => `update ${identifier} set tenant_id = $1`, mustRefuse: true },
  { name: "delete", text: ({ identifier }) => `delete from ${identifier} where tenant_id = $1` },
  {
    name: "select without a context",
    text: ({ identifier }) => `select from ${identifier} where tenant_id = $1 limit 1`,
    mustRefuse: true,
    withoutContext: true,
  },
];

/** 42501, or Rowhouse's own refusal of a seal. */
function isRefusal(error: unknown): boolean {
  if (error instanceof RowhouseError) return error.kind === "sealInvalid" || error.kind === "contextMissing";
  return isDatabaseError(error) && error.code === "42501";
}

/** Runs `work` in a transaction of which nothing is kept. */
export async function inRolledBack<T>(client: DbClient, work: () => Promise<T>): Promise<T> {
  await client.query("begin");
  try {
    return await work();
  } finally {
    await client.query("rollback");
  }
}

function breach(key: string, object: string, detail: string): Finding {
  return {
    check: "proof",
    level: "error",
    key: `proof:${key}`,
    object,
    title: "One tenant reached another's rows",
    detail,
    fix: "Suspend the tenants, run `rowhouse check` and `rowhouse migrate`, and tell whose rows could be seen.",
  };
}

/** What an attempt came to, as a complaint; null when the wall held. */
async function complaint(client: DbClient, table: TenantTable, duel: Duel, attempt: Attempt): Promise<string | null> {
  return inRolledBack(client, async () => {
    if (attempt.withoutContext !== true) await enterScope(client, duel.attacker, "write");
    try {
      const { rowCount } = await client.query(attempt.text(table), [duel.victim.tenantId]);
      if (rowCount === 0 && attempt.mustRefuse !== true) return null;
      return `It was not refused, and touched ${rowCount ?? 0} rows.`;
    } catch (error) {
      if (isRefusal(error)) return null;
      return `It was not refused but failed: ${(error as Error).message}.`;
    }
  });
}

/** Every verb on one table. The attacker enters by the front door and asks for the victim's rows by name. */
export async function attackTable(client: DbClient, table: TenantTable, duel: Duel): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const attempt of ATTEMPTS) {
    const detail = await complaint(client, table, duel, attempt);
    if (detail !== null)
      findings.push(breach(`${table.identifier}:${attempt.name}`, `${attempt.name} on ${table.identifier}`, detail));
  }
  return findings;
}

/** Whether rows of the victim can be seen now. A statement that fails shows nothing, whatever it failed of. */
async function seesVictim(client: DbClient, { identifier }: TenantTable, { victim }: Duel): Promise<boolean> {
  try {
    return (
      (await client.query(`select from ${identifier} where tenant_id = $1 limit 1`, [victim.tenantId])).rowCount !== 0
    );
  } catch (error) {
    if (isDatabaseError(error)) return false;
    throw error;
  }
}

async function forge(
  client: DbClient,
  table: TenantTable,
  duel: Duel,
  attempt: () => Promise<unknown>,
): Promise<boolean> {
  const reached = await inRolledBack(client, async () => {
    await enterScope(client, duel.attacker, "read");
    await attempt().catch(() => {}); // refused or not: what counts is what can be seen after it
    return seesVictim(client, table, duel);
  });
  // What a forgery left in the session must neither help the next transaction nor spoil the next attempt.
  const left = await inRolledBack(client, () => seesVictim(client, table, duel));
  await client.query("discard all");
  return reached || left;
}

/** Every way to become another tenant, seen on a table where the victim has rows. */
export async function attackContext(
  client: DbClient,
  table: TenantTable,
  duel: Duel,
  forgeries: readonly Forgery[],
): Promise<Finding[]> {
  const stolen: Scope = { ...duel.victim, secret: duel.attacker.secret };
  const attempts = [
    ...forgeries.map((forgery) => ({
      name: forgery.name,
      run: () => client.query(renderForgery(forgery, duel.victim.tenantId)) as Promise<unknown>,
    })),
    { name: "entering with another tenant's secret", run: () => enterScope(client, stolen, "read") },
  ];
  const findings: Finding[] = [];
  for (const { name, run } of attempts) {
    if (await forge(client, table, duel, run))
      findings.push(breach(`context:${name}`, name, "Rows of the other tenant were seen."));
  }
  return findings;
}
