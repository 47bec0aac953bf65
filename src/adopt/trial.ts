import type { Database, DbClient } from "../db/connections.ts";
import { inTransaction, isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { AdoptFinding } from "./finding.ts";
import type { AdoptPlan } from "./plan.ts";
import { renderDown, renderUp } from "./render.ts";

/** Stands in for a tenant that is to be made before the migration runs. */
const STAND_IN = `insert into platform.tenants (id, slug, name, seal) values (gen_random_uuid(), $1, $1, sha256('')) on conflict do nothing`;

/** Ends the transaction, and carries out of it what was found. */
class Done extends Error {}

const SQL_FUNCTIONS = `
  select p.oid::text, p.oid::regprocedure::text as identifier
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
  where n.nspname = any ($1) and l.lanname = 'sql'
    and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
  order by 2`;

/** Names that a body leaves unqualified are looked for where its callers look for them. */
const SEARCH_PATH = `select set_config('search_path', concat_ws(', ', variadic array(select quote_ident(s) from unnest($1::text[]) s)), true)`;

/** @returns the functions of SQL whose body the server refuses, by what it says. Inside a transaction. */
async function validateFunctions(client: DbClient, schemas: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await client.query<{ oid: string; identifier: string }>(SQL_FUNCTIONS, [schemas]);
  const broken = new Map<string, string>();
  for (const { oid, identifier } of rows) {
    await client.query("savepoint body");
    try {
      await client.query(SEARCH_PATH, [[...schemas, "public"]]);
      await client.query("select fmgr_sql_validator($1::oid)", [oid]);
    } catch (error) {
      broken.set(identifier, (error as Error).message);
    }
    await client.query("rollback to savepoint body");
  }
  return broken;
}

function describeBroken(was: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): AdoptFinding[] {
  return [...now].map(([identifier, message]) => {
    const before = was.has(identifier);
    return {
      level: before ? "info" : "warn",
      kind: before ? "function-broken" : "function-breaks",
      object: `routine ${identifier}`,
      reason: `Its body ${before ? "is not valid, and was not before" : "is no longer valid"}: ${message}.`,
      line: before ? "" : `-- create or replace it, with its columns named`,
    };
  });
}

const keyOf = ({ kind, object }: AdoptFinding) => `${kind} ${object}`;

const isLockRefusal = (error: unknown) => isDatabaseError(error) && error.code === "55P03";

function explain(error: unknown): unknown {
  if (!isDatabaseError(error)) return error;
  return new RowhouseError("adoptFails", {
    message: `The migration would fail: ${error.message}`,
    details: [error.detail, error.where].filter((text) => text !== undefined).join("\n"),
    hint: error.hint ?? "--no-try writes it all the same; mend the file, and please report this.",
    cause: error,
  });
}

export interface TrialOptions {
  /** Finds what is wrong with the database: what it finds before the migration as well is left out. */
  readonly inspect: (client: DbClient) => Promise<AdoptFinding[]>;
  /** Longest wait for one lock, in milliseconds. */
  readonly lockTimeoutMs: number;
}

/**
 * Runs the migration as `rowhouse migrate` would, Up and Down, looks at what came of Up, and takes it all back.
 * @returns what it found; null when a table was locked by others, so that it could not be tried
 * @throws RowhouseError adoptFails where a statement fails, tableUnfit where there are rows and no tenant was named
 */
export async function tryAdoption(
  database: Database,
  plan: AdoptPlan,
  { inspect, lockTimeoutMs }: TrialOptions,
): Promise<AdoptFinding[] | null> {
  const schemas = [...plan.wish.served, ...plan.wish.unserved];
  const client = await database.connectOwner();
  let findings: AdoptFinding[] = [];
  try {
    await inTransaction(client, async () => {
      await client.query("select set_config('lock_timeout', $1, true)", [`${lockTimeoutMs}ms`]);
      const was = await validateFunctions(client, schemas);
      const known = new Set((await inspect(client)).map(keyOf));
      await client.query("set local role rowhouse_owner");
      if (plan.wish.tenant !== null) await client.query(STAND_IN, [plan.wish.tenant]);
      await client.query(renderUp(plan));
      await client.query("select platform.assert_protected()");
      await client.query("reset role");
      const now = await validateFunctions(client, schemas);
      const wrong = (await inspect(client)).filter((finding) => !known.has(keyOf(finding)));
      findings = [...describeBroken(was, now), ...wrong];
      await client.query("set local role rowhouse_owner");
      await client.query("set constraints all immediate");
      await client.query(renderDown(plan));
      throw new Done();
    });
  } catch (error) {
    if (isLockRefusal(error)) return null;
    if (!(error instanceof Done)) throw explain(error);
  } finally {
    await client.end();
  }
  return findings;
}
