import type { Command } from "commander";
import { RowhouseError } from "../errors.ts";
import { locateTenant } from "../tenant/locate.ts";
import { purgeTenant } from "../tenant/purge.ts";
import { act, addExamples } from "./action.ts";
import { parseDuration } from "./duration.ts";
import { untilInterrupted } from "./interrupt.ts";
import { formatTable, plural, type Output } from "./output.ts";
import { openSession } from "./session.ts";

interface PurgeOptions {
  readonly table?: string;
  readonly olderThan?: string;
  readonly dryRun?: boolean;
}

/** How often a line tells how far it is. */
const TELL_MS = 3000;

/** @throws RowhouseError usage */
function ageOf({ olderThan }: PurgeOptions): number {
  if (olderThan !== undefined) return parseDuration("--older-than", olderThan);
  throw new RowhouseError("usage", {
    message: "Say how long ago the rows were deleted",
    hint: "--older-than 30d; --older-than 0s removes all that are deleted.",
  });
}

async function run(out: Output, options: PurgeOptions, slug: string): Promise<void> {
  const olderThanSeconds = ageOf(options);
  await using session = await openSession("purge");
  const { database, tenant } = await locateTenant(session.database, session.platform, slug);
  const isDry = options.dryRun === true;
  let told = Date.now();
  const { before, tables } = await untilInterrupted((signal) =>
    purgeTenant(database, tenant, {
      table: options.table,
      olderThanSeconds,
      isDry,
      signal,
      onProgress: ({ table, rows }) => {
        if (Date.now() - told < TELL_MS) return;
        told = Date.now();
        out.talk(`${table}: ${plural(rows, "row")} removed`);
      },
    }),
  );
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const list = formatTable(
    ["TABLE", "ROWS"],
    tables.map((table) => [table.table, table.rows]),
  );
  out.answer({ event: "done", tenant: slug, dryRun: isDry, before, tables, rows }, tables.length === 0 ? "" : list);
  const what = `${plural(rows, "row")} of ${slug}, deleted before ${before}`;
  out.talk(isDry ? `Would remove ${what}. Nothing was removed.` : `Removed ${what}.`);
}

export function registerPurge(program: Command): void {
  const command = program
    .command("purge <tenant>")
    .description("remove rows for good that were deleted a while ago, from tables with deleted_at")
    .option("--table <table>", "this table alone: table or schema.table")
    .option("--older-than <duration>", "deleted longer ago than this: 90s, 30m, 24h, 30d")
    .option("--dry-run", "count them, and remove nothing")
    .action(act<PurgeOptions, [string]>(run));
  addExamples(command, [
    ["rowhouse purge acme --older-than 30d --dry-run", "how many rows there are, by table"],
    ["rowhouse purge acme --table orders --older-than 30d", "remove them from one table"],
    ["rowhouse purge acme --older-than 30d --json", "as JSON"],
  ]);
}
