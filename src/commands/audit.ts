import type { Command } from "commander";
import { listEvents } from "../audit/events.ts";
import { RowhouseError } from "../errors.ts";
import { act, addExamples } from "./action.ts";
import { formatTable, type Output } from "./output.ts";
import { openSession } from "./session.ts";

interface AuditOptions {
  readonly limit: string;
  readonly before?: string;
}

async function audit(out: Output, { limit, before }: AuditOptions, tenant?: string): Promise<void> {
  const most = Number(limit);
  if (!Number.isInteger(most) || most < 1 || most > 10_000)
    throw new RowhouseError("usage", { message: `--limit is a number from 1 to 10,000; not ${limit}` });
  if (before !== undefined && !/^\d{1,18}$/.test(before))
    throw new RowhouseError("usage", { message: `--before is the id of an event; not ${before}` });
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
    .action(act<AuditOptions, [string?]>(audit));
  addExamples(command, [
    ["rowhouse audit acme", "what the platform did with acme"],
    ["rowhouse audit --limit 1000 --json | jq '.[] | select(.outcome == \"denied\")'", "what was refused"],
  ]);
}
