import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { DELIVERY_STATES, listDeliveries, type Delivery } from "../../webhook/deliveries.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

const MOST = 100;

interface ListOptions {
  readonly state?: string;
  readonly before?: string;
}

function readState(text: string | undefined): Delivery["state"] | undefined {
  const state = DELIVERY_STATES.find((known) => known === text);
  if (text === undefined || state !== undefined) return state;
  throw new RowhouseError("usage", { message: `There is no state ${text}`, hint: DELIVERY_STATES.join(", ") });
}

/** What came of it, in one cell. */
function outcomeOf({ state, status, error, deliveredAt, nextAt }: Delivery): string {
  if (state === "delivered") return `${status} at ${deliveredAt}`;
  const reason = error === null ? "" : ` ${error}`;
  return state === "failed" ? `given up:${reason}` : `next at ${nextAt}${reason}`;
}

async function list(out: Output, { state: wanted, before }: ListOptions, id: string): Promise<void> {
  const state = readState(wanted);
  if (before !== undefined && !/^\d{1,18}$/.test(before))
    throw new RowhouseError("usage", { message: `--before is a sequence, as the list shows it; not ${before}` });
  await using session = await openSession("webhook deliveries");
  const found = await listDeliveries(session.platform, id, { state, before, limit: MOST });
  const rows = found.map((delivery) => [
    delivery.id,
    delivery.sequence,
    delivery.type,
    delivery.state,
    String(delivery.attempts),
    outcomeOf(delivery),
  ]);
  const headings = ["ID", "SEQUENCE", "EVENT", "STATE", "TRIES", "OUTCOME"];
  out.answer(found, rows.length === 0 ? "" : formatTable(headings, rows));
  if (rows.length === 0) out.talk("No deliveries.");
}

export function registerWebhookDeliveries(group: Command): void {
  const command = group
    .command("deliveries <id>")
    .description(`what was sent to a webhook and what waits, ${MOST} at a time, the newest event first`)
    .option("--state <name>", DELIVERY_STATES.join(", "))
    .option("--before <sequence>", "those before that one")
    .action(act<ListOptions, [string]>(list));
  addExamples(command, [
    ["rowhouse webhook deliveries 7c9e6679-7425-40de-944b-e07fc1f90ae7 --state failed", "what was given up, and why"],
  ]);
}
