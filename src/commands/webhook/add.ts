import type { Command } from "commander";
import { WEBHOOK_EVENT_TYPES } from "../../webhook/event.ts";
import { addWebhook } from "../../webhook/webhooks.ts";
import { act, addExamples } from "../action.ts";
import { formatFacts, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { deskOf } from "./desk.ts";

interface AddOptions {
  readonly event?: string[];
  readonly description?: string;
}

async function add(out: Output, { event, description }: AddOptions, url: string): Promise<void> {
  await using session = await openSession("webhook add");
  const made = await addWebhook(deskOf(session), { url, events: event, description });
  const facts = [
    ["id", made.id],
    ["secret", made.secret],
  ] as const;
  out.answer(made, formatFacts(facts));
  out.talk("The secret is shown this once: whoever has it can sign events.");
}

export function registerWebhookAdd(group: Command): void {
  const command = group
    .command("add <url>")
    .description("have an address told of what happens from now on, and print the secret that signs")
    .option("--event <name...>", `what to tell it (default: everything): ${WEBHOOK_EVENT_TYPES.join(", ")}`)
    .option("--description <text>", "for other operators")
    .action(act<AddOptions, [string]>(add));
  addExamples(command, [
    ["rowhouse webhook add https://hooks.example.com/rowhouse", "everything that happens to tenants"],
    [
      "rowhouse webhook add https://billing.example.com/rowhouse --event tenant.created tenant.deleted subscription.changed",
      "three of the events",
    ],
  ]);
}
