import type { Command } from "commander";
import { RowhouseError } from "../errors.ts";
import { purgeTrail } from "../auth/trail.ts";
import { listTenants } from "../tenant/change.ts";
import { locateTenant } from "../tenant/locate.ts";
import { purgeTenant } from "../tenant/purge.ts";
import { act, addExamples } from "./action.ts";
import { parseDuration } from "./duration.ts";
import { untilInterrupted } from "./interrupt.ts";
import { formatTable, plural, type Output } from "./output.ts";
import { openSession, type Session } from "./session.ts";
import { openTenantDesk } from "./tenant-desk.ts";

interface PurgeOptions {
  readonly table?: string;
  readonly olderThan?: string;
  readonly dryRun?: boolean;
  readonly audit?: boolean;
  readonly allTenants?: boolean;
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

/** @throws RowhouseError usage */
function requireSlug(slug: string | undefined, { audit, allTenants }: PurgeOptions): string {
  if (slug === undefined)
    throw new RowhouseError("usage", { message: "Name the tenant", hint: "--all-tenants goes with --audit alone." });
  if (allTenants === true || audit === true)
    throw new RowhouseError("usage", { message: "--all-tenants goes without a tenant, and with --audit" });
  return slug;
}

async function purgeOne(session: Session, slug: string): Promise<number> {
  await using place = await openTenantDesk(session, slug);
  return purgeTrail(place.desk, place.actor);
}

/** Audit events that are older than the plan of their tenant keeps them; those of a tenant that can't be reached wait for the next time. */
async function purgeAudit(out: Output, options: PurgeOptions, slug: string | undefined): Promise<void> {
  if (
    (slug === undefined) !== (options.allTenants === true) ||
    options.table !== undefined ||
    options.olderThan !== undefined ||
    options.dryRun === true
  ) {
    throw new RowhouseError("usage", {
      message: "--audit takes a tenant or --all-tenants, and nothing besides",
      hint: "How long events are kept is the plan's: limit audit_days.",
    });
  }
  await using session = await openSession("purge");
  const slugs = slug === undefined ? (await listTenants(session.platform)).map((tenant) => tenant.slug) : [slug];
  const purged: { tenant: string; events: number }[] = [];
  for (const tenant of slugs) {
    try {
      purged.push({ tenant, events: await purgeOne(session, tenant) });
    } catch (error) {
      if (slug !== undefined || !(error instanceof RowhouseError)) throw error;
      out.warn(`${tenant}: ${error.message}`);
    }
  }
  const events = purged.reduce((sum, each) => sum + each.events, 0);
  const rows = purged.filter((each) => each.events > 0).map((each) => [each.tenant, each.events]);
  out.answer(
    { event: "done", tenants: purged, events },
    rows.length === 0 ? "" : formatTable(["TENANT", "EVENTS"], rows),
  );
  out.talk(`Removed ${plural(events, "audit event")} of ${plural(purged.length, "tenant")}.`);
}

async function run(out: Output, options: PurgeOptions, given?: string): Promise<void> {
  if (options.audit === true) return purgeAudit(out, options, given);
  const slug = requireSlug(given, options);
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
    .command("purge [tenant]")
    .description("remove rows for good that were deleted a while ago, from tables with deleted_at; or old audit events")
    .option("--table <table>", "this table alone: table or schema.table")
    .option("--older-than <duration>", "deleted longer ago than this: 90s, 30m, 24h, 30d")
    .option("--dry-run", "count them, and remove nothing")
    .option("--audit", "instead: audit events that are older than the plan keeps them, as servers do once a day")
    .option("--all-tenants", "of --audit: those of every tenant")
    .action(act<PurgeOptions, [string?]>(run));
  addExamples(command, [
    ["rowhouse purge acme --older-than 30d --dry-run", "how many rows there are, by table"],
    ["rowhouse purge acme --table orders --older-than 30d", "remove them from one table"],
    ["rowhouse purge acme --older-than 30d --json", "as JSON"],
    ["rowhouse purge --audit --all-tenants", "where no server runs"],
  ]);
}
