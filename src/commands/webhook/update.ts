import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { changeWebhook } from "../../webhook/webhooks.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { deskOf, stateOf } from "./desk.ts";

interface UpdateOptions {
  readonly url?: string;
  readonly event?: string[];
  readonly allEvents?: boolean;
  readonly description?: string;
  readonly on?: boolean;
  readonly off?: boolean;
}

async function update(out: Output, options: UpdateOptions, id: string): Promise<void> {
  const { url, event, allEvents, description, on, off } = options;
  if ((on && off) || (allEvents && event !== undefined))
    throw new RowhouseError("usage", { message: "--on and --off, or --event and --all-events, can't go together" });
  const events = allEvents ? null : event;
  const isActive = on ? true : off ? false : undefined;
  await using session = await openSession("webhook update");
  const webhook = await changeWebhook(deskOf(session), id, { url, events, description, isActive });
  out.answer(webhook, `${webhook.id}  ${stateOf(webhook)}`);
}

export function registerWebhookUpdate(group: Command): void {
  const command = group
    .command("update <id>")
    .description("change a webhook, or switch it off and on; what happens while it is off is delivered afterwards")
    .option("--url <url>", "where to send")
    .option("--event <name...>", "what to tell it, in place of what it was told")
    .option("--all-events", "tell it everything")
    .option("--description <text>", "for other operators")
    .option("--on", "switch it on, and deliver what waits")
    .option("--off", "switch it off, and keep what happens")
    .action(act<UpdateOptions, [string]>(update));
  addExamples(command, [
    ["rowhouse webhook update 7c9e6679-7425-40de-944b-e07fc1f90ae7 --off", "while the receiver is mended"],
    [
      "rowhouse webhook update 7c9e6679-7425-40de-944b-e07fc1f90ae7 --event tenant.created tenant.deleted",
      "these two only",
    ],
  ]);
}
