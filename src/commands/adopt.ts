import { join, resolve } from "node:path";
import type { Command } from "commander";
import { isOpen, type AdoptFinding } from "../adopt/finding.ts";
import { writeMigration } from "../adopt/migration-file.ts";
import { planAdoption, type AdoptPlan } from "../adopt/plan.ts";
import { readSchema, type Wish } from "../adopt/read-schema.ts";
import { renderMigration } from "../adopt/render.ts";
import { tryAdoption } from "../adopt/trial.ts";
import { loadChecks } from "../checks/rules.ts";
import { runRules } from "../checks/run.ts";
import type { Database, DbClient } from "../db/connections.ts";
import { readDatabaseVersion } from "../db/migrate.ts";
import { RowhouseError } from "../errors.ts";
import { findDatabase, openEntry } from "../tenant/databases.ts";
import { act, addExamples, EXIT_FINDINGS } from "./action.ts";
import { summarizePlan, tellFindings } from "./adopt/report.ts";
import type { Output } from "./output.ts";
import { openSession, type Session } from "./session.ts";

interface AdoptOptions {
  readonly schema?: string[];
  readonly unserved?: string[];
  readonly tenant?: string;
  readonly out?: string;
  readonly app?: string;
  readonly database?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  /** False with --no-try. */
  readonly try?: boolean;
}

/** Beyond this, a trial would keep the tables locked for as long as the migration itself. */
const TRIAL_BYTES = 256 * 2 ** 20;
const TRIAL_LOCK_MS = 1000;

function readWish({ schema = [], unserved = [], tenant }: AdoptOptions): Wish {
  if (schema.length === 0)
    throw new RowhouseError("usage", {
      message: "Which schema?",
      hint: "Name the one that the application's tables are in: --schema public",
    });
  const twice = unserved.find((name) => schema.includes(name));
  if (twice !== undefined)
    throw new RowhouseError("usage", { message: `${twice} is either served or not: name it with one of the two` });
  return { served: schema, unserved, tenant: tenant ?? null };
}

/** Where the migration goes; null when nothing is written. */
function outOf(session: Session, { out, dryRun }: AdoptOptions): string | null {
  if (dryRun === true) return null;
  if (out !== undefined) return resolve(out);
  if (session.appDir !== null) return join(session.appDir, "migrations");
  throw new RowhouseError("usage", {
    message: "Where to?",
    hint: "Name the folder of the app's migrations: --out app/migrations, or print it: --dry-run",
  });
}

async function openTarget(session: Session, { database }: AdoptOptions): Promise<Database> {
  if (database === undefined) return session.database;
  return openEntry(session.database, await findDatabase(session.platform, database));
}

/** Rules about what `migrate` does after the migration, and about the server. */
const OF_THE_SERVER = new Set(["server_too_old", "setting_preset"]);

/** What `rowhouse check` would say of the converted schema. */
async function inspect(client: DbClient): Promise<AdoptFinding[]> {
  await client.query("set local search_path to pg_catalog");
  const found = await runRules(client, await loadChecks());
  return found
    .filter(({ level, check }) => level === "error" && !OF_THE_SERVER.has(check))
    .map(({ check, object, detail, fix }) => ({
      level: "error",
      kind: `check:${check}`,
      object,
      reason: detail,
      line: fix,
    }));
}

/** Runs it and takes it back, where that is possible without being in anybody's way. */
async function tryPlan(out: Output, database: Database, plan: AdoptPlan, isMigrated: boolean): Promise<AdoptFinding[]> {
  if (!isMigrated) {
    out.talk("Not tried: this database has no Rowhouse yet. `rowhouse migrate` brings it; then adopt looks closer.");
    return [];
  }
  if (plan.bytes > TRIAL_BYTES) {
    out.talk("Not tried: on tables of this size a trial would lock them for long. Run adopt on a copy as well.");
    return [];
  }
  const findings = await tryAdoption(database, plan, { inspect, lockTimeoutMs: TRIAL_LOCK_MS });
  if (findings === null) out.talk("Not tried: the tables are in use. Run adopt again, or on a copy.");
  return findings ?? [];
}

async function adopt(out: Output, options: AdoptOptions): Promise<number> {
  const wish = readWish(options);
  await using session = await openSession("adopt", { app: options.app, asOwner: true });
  const dir = outOf(session, options);
  const database = await openTarget(session, options);
  const schema = await readSchema(database, wish);
  const planned = planAdoption(schema, wish);
  if (planned.steps.length === 0) {
    out.answer({ ...summarizePlan(planned, []), file: null }, "");
    out.talk("There is nothing to adopt: every table is protected.");
    return 0;
  }
  const tried = options.try === false ? [] : await tryPlan(out, database, planned, schema.server.isMigrated);
  const plan = { ...planned, findings: [...planned.findings, ...tried] };
  const sql = renderMigration(plan);
  const names = [...wish.served, ...wish.unserved];
  const { app: applied } = await readDatabaseVersion(database);
  const file = dir === null ? null : await writeMigration(names, sql, { dir, applied, force: options.force === true });
  tellFindings(out, plan, plan.findings);
  out.answer({ ...summarizePlan(plan, plan.findings), file, ...(file === null && { sql }) }, file ?? sql);
  if (wish.tenant !== null && !schema.server.hasTenant)
    out.talk(`There is no tenant ${wish.tenant} yet. Before the migration: rowhouse tenant create ${wish.tenant}`);
  return plan.findings.some(isOpen) ? EXIT_FINDINGS : 0;
}

export function registerAdopt(program: Command): void {
  const command = program
    .command("adopt")
    .description("write the migration that makes a single-tenant schema carry tenants")
    .option("--schema <name...>", "schemas whose tables are served, as they stand in the database")
    .option("--unserved <name...>", "schemas that belong to them and are not served")
    .option(
      "--tenant <slug>",
      "the tenant that the rows which are there belong to; none is needed where tables are empty",
    )
    .option("--out <folder>", "folder of the app's migrations (default: migrations/ of the app)")
    .option("--app <folder>", "the app (default: ROWHOUSE_APP)")
    .option("--database <name>", "read this database, as `database list` names it")
    .option("--dry-run", "print the migration and write nothing")
    .option("--force", "write anew the migration that adopt wrote before and that has not run")
    .option("--no-try", "don't run it once and take it back; the functions' bodies are not checked then")
    .action(act<AdoptOptions>(adopt));
  addExamples(command, [
    ["rowhouse adopt --schema public --tenant acme --out app/migrations", "then: rowhouse migrate --app app"],
    ["rowhouse adopt --schema public --dry-run", "the SQL on stdout, what is left to do on stderr"],
    ["rowhouse adopt --schema api --unserved private --tenant acme --json", "two schemas with keys between them"],
  ]);
}
