import type { Command } from "commander";
import { listEvents } from "../audit/events.ts";
import { listTrail } from "../auth/trail.ts";
import { UUID } from "../db/uuid.ts";
import { RowhouseError } from "../errors.ts";
import { act, addExamples } from "./action.ts";
import { parseDuration } from "./duration.ts";
import { formatTable, type Output } from "./output.ts";
import { openSession } from "./session.ts";
import { openTenantDesk } from "./tenant-desk.ts";

interface AuditOptions {
  readonly limit: string;
  readonly before?: string;
  readonly tenant?: string;
  readonly since?: string;
  readonly action?: string;
  readonly actor?: string;
}

/** @throws RowhouseError usage */
function checkBefore(before: string | undefined, form: RegExp): void {
  if (before !== undefined && !form.test(before))
    throw new RowhouseError("usage", { message: `--before is the id of an event; not ${before}` });
}

/** What the tenant's own people, keys and operators did in it. */
async function trail(out: Output, slug: string, limit: number, options: AuditOptions): Promise<void> {
  const { since, before, action, actor } = options;
  checkBefore(before, UUID);
  const sinceSeconds = since === undefined ? undefined : parseDuration("--since", since);
  await using session = await openSession("audit");
  await using place = await openTenantDesk(session, slug);
  const events = await listTrail(place.desk, place.actor, { limit, sinceSeconds, before, action, actor });
  const rows = events.map(({ at, action: done, role, actor: who, rowId, before: was, after, details }) => [
    at.slice(0, 19),
    done,
    who,
    role,
    rowId ?? "",
    JSON.stringify(after ?? was ?? details).slice(0, 60),
  ]);
  out.answer(events, rows.length === 0 ? "" : formatTable(["AT", "ACTION", "ACTOR", "ROLE", "ROW", "BECAME"], rows));
  if (rows.length === 0) out.talk("No events.");
}

/** @throws RowhouseError usage */
function checkOptions(options: AuditOptions, tenant: string | undefined): number {
  const most = Number(options.limit);
  if (!Number.isInteger(most) || most < 1 || most > 10_000)
    throw new RowhouseError("usage", { message: `--limit is a number from 1 to 10,000; not ${options.limit}` });
  const { tenant: own, since, action, actor } = options;
  if (own !== undefined && tenant !== undefined)
    throw new RowhouseError("usage", { message: "Name the tenant once: alone, or after --tenant for its own trail" });
  if (own === undefined && [since, action, actor].some((option) => option !== undefined))
    throw new RowhouseError("usage", {
      message: "--since, --action and --actor are for a tenant's own trail: --tenant",
    });
  return most;
}

async function audit(out: Output, options: AuditOptions, tenant?: string): Promise<void> {
  const most = checkOptions(options, tenant);
  if (options.tenant !== undefined) return trail(out, options.tenant, most, options);
  const { before } = options;
  checkBefore(before, /^\d{1,18}$/);
  await using session = await openSession("audit");
  const events = await listEvents(session.platform, { tenant, limit: most, before });
  const rows = events.map(({ at, action, outcome, actor, details }) => [
    at.slice(0, 19),
    action,
    outcome,
    actor,
    JSON.stringify(details).slice(0, 80),
  ]);
  out.answer(events, rows.length === 0 ? "" : formatTable(["AT", "ACTION", "OUTCOME", "ACTOR", "DETAILS"], rows));
  if (rows.length === 0) out.talk("No events.");
}

export function registerAudit(program: Command): void {
  const command = program
    .command("audit [tenant]")
    .description("who did what with the deployment, or with one tenant, the newest first; a deleted tenant's as well")
    .option("--limit <number>", "most events", "50")
    .option("--before <id>", "those before this event")
    .option("--tenant <slug>", "instead: what was done in this tenant, by its own people, keys and operators")
    .option("--since <duration>", "of --tenant: not older than this: 30m, 24h, 30d")
    .option("--action <name>", "of --tenant: this action, or all that begin with it: customers.deleted, customers.")
    .option("--actor <principal>", "of --tenant: done by this user, key or operator")
    .action(act<AuditOptions, [string?]>(audit));
  addExamples(command, [
    ["rowhouse audit acme", "what the platform did with acme"],
    ["rowhouse audit --tenant acme --since 24h --action customers.", "who changed customers today"],
    ["rowhouse audit --limit 1000 --json | jq '.[] | select(.outcome == \"denied\")'", "what was refused"],
  ]);
}
