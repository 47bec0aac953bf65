import { existsSync } from "node:fs";
import type { Command } from "commander";
import { diffSides, type Diff, type TableDiff } from "../archive/diff.ts";
import type { ArchiveKeys } from "../archive/read.ts";
import { openArchiveSide, openTenantSide, type Side, type SideOptions } from "../archive/side.ts";
import { locateTenant } from "../tenant/locate.ts";
import { act, addExamples, EXIT_FINDINGS } from "./action.ts";
import { addKeyOptions, readKeys, type KeyOptions } from "./archive-keys.ts";
import { untilInterrupted } from "./interrupt.ts";
import { formatTable, plural, type Output } from "./output.ts";
import { openProgress } from "./progress.ts";
import { openSession, type Session } from "./session.ts";

interface DiffOptions extends KeyOptions {
  readonly examples?: string;
}

/** A slug has no dot and no slash; a file of its very name wins, since it was put there. */
function isFile(argument: string): boolean {
  return /[./]/.test(argument) || existsSync(argument);
}

async function openSide(
  argument: string,
  keys: ArchiveKeys,
  session: Session | undefined,
  options: SideOptions,
): Promise<Side> {
  if (session === undefined || isFile(argument)) return openArchiveSide(argument, keys, options);
  const { database, tenant } = await locateTenant(session.database, session.platform, argument);
  return openTenantSide(database, tenant, options);
}

function formatExamples({ table, examples, columns }: TableDiff): string[] {
  const kinds = (["inserted", "updated", "deleted"] as const).filter((kind) => examples[kind].length > 0);
  const keys = kinds.map((kind) => `${table}  ${kind}: ${examples[kind].join("  ")}`);
  const one = [...columns.onlyFirst, ...columns.onlySecond];
  return one.length === 0 ? keys : [...keys, `${table}  columns of one side alone: ${one.join(", ")}`];
}

/** Tables that differ, then some keys of each. Pure. */
export function formatDiff({ tables, onlyFirst, onlySecond, equal }: Diff): string {
  if (equal) return "";
  const changed = tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
  const rows = changed.map((table) => [table.table, table.equal, table.inserted, table.updated, table.deleted]);
  const alone = [...onlyFirst, ...onlySecond].map((table) => `${table}  a table of one side alone`);
  const counts = rows.length === 0 ? [] : [formatTable(["TABLE", "EQUAL", "INSERTED", "UPDATED", "DELETED"], rows)];
  return [...counts, ...tables.flatMap(formatExamples), ...alone].join("\n");
}

async function run(out: Output, options: DiffOptions, first: string, second: string): Promise<number> {
  const keys = await readKeys(options);
  const needsDatabase = !isFile(first) || !isFile(second);
  await using session = needsDatabase ? await openSession("diff") : undefined;
  const line = openProgress(out);
  const diff = await untilInterrupted(async (signal) => {
    const common = { signal, onProgress: line.show };
    const sides: Side[] = [];
    try {
      for (const argument of [first, second]) sides.push(await openSide(argument, keys, session, common));
      return await diffSides(sides[0]!, sides[1]!, { ...common, examples: Number(options.examples ?? 5) });
    } finally {
      await Promise.all(sides.map((side) => side.close()));
    }
  }).finally(line.end);
  out.answer({ event: "done", first, second, ...diff }, formatDiff(diff));
  const rows = diff.tables.reduce((sum, { equal }) => sum + equal, 0);
  out.talk(
    diff.equal
      ? `Equal: ${plural(rows, "row")} in ${plural(diff.tables.length, "table")}.`
      : `${second} against ${first}.`,
  );
  return diff.equal ? 0 : EXIT_FINDINGS;
}

export function registerDiff(program: Command): void {
  const command = program
    .command("diff <first> <second>")
    .description("compare archives and tenants, row by row; ends with exit code 3 when they differ")
    .option("--examples <count>", "keys to print per table and kind (default: 5)");
  addKeyOptions(command).action(act<DiffOptions, [string, string]>(run));
  addExamples(command, [
    ["rowhouse diff acme.rowhouse acme", "what has changed since the archive was taken"],
    ["rowhouse diff monday.rowhouse tuesday.rowhouse", "two archives; needs no database"],
    ["rowhouse diff acme acme-copy --json", "two tenants, as JSON"],
  ]);
}
