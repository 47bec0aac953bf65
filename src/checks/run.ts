import type { Database, DbClient } from "../db/connections.ts";
import { inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { Finding } from "./finding.ts";
import { loadChecks, type Check } from "./rules.ts";

export interface CheckOptions {
  /** Names of the rules to run; all when left out. */
  readonly only?: readonly string[];
  /** Keys of findings that are known and accepted. */
  readonly suppress?: readonly string[];
}

type Row = Omit<Finding, "check" | "title">;

function chooseChecks(checks: readonly Check[], only: readonly string[] | undefined): readonly Check[] {
  if (only === undefined) return checks;
  const unknown = only.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    throw new RowhouseError("usage", {
      message: `There is no check ${unknown.join(", ")}`,
      hint: "docs/reference/checks.md lists them.",
    });
  }
  return checks.filter(({ name }) => only.includes(name));
}

/** Runs rules on a connection, inside whatever transaction it is in. */
export async function runRules(client: DbClient, checks: readonly Check[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, title, sql } of checks) {
    const { rows } = await client.query<Row>(sql).catch((cause: unknown) => {
      throw new RowhouseError("internal", { message: `The check ${name} failed: ${(cause as Error).message}`, cause });
    });
    const hits = rows.toSorted((one, other) => (one.key < other.key ? -1 : 1));
    findings.push(...hits.map((row) => ({ check: name, title, ...row, key: `${name}:${row.key}` })));
  }
  return findings;
}

/**
 * Reads the catalog against every rule of `policies/checks/`, as the owner of DATABASE_URL and changing nothing.
 * @returns findings in the order of the rules; empty when every rule holds
 * @throws RowhouseError usage for a rule that does not exist, databaseUnavailable
 */
export async function runChecks(database: Database, { only, suppress = [] }: CheckOptions = {}): Promise<Finding[]> {
  const checks = chooseChecks(await loadChecks(), only);
  const client = await database.connectOwner();
  try {
    const findings = await inTransaction(client, async () => {
      await client.query("set transaction isolation level repeatable read, read only");
      // Names are printed with their schema when it is not on the path.
      await client.query("set local search_path to pg_catalog");
      return runRules(client, checks);
    });
    return findings.filter(({ key }) => !suppress.includes(key));
  } finally {
    await client.end();
  }
}
