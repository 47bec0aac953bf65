import type { Command } from "commander";
import { removeWebhook } from "../../webhook/webhooks.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { deskOf } from "./desk.ts";

async function remove(out: Output, _options: unknown, id: string): Promise<void> {
  await using session = await openSession("webhook remove");
  const webhook = await removeWebhook(deskOf(session), id);
  out.answer(webhook, `removed  ${webhook.url}`);
}

export function registerWebhookRemove(group: Command): void {
  const command = group
    .command("remove <id>")
    .alias("rm")
    .description("remove a webhook, and what waits for it")
    .action(act<unknown, [string]>(remove));
  addExamples(command, [
    ["rowhouse webhook remove 7c9e6679-7425-40de-944b-e07fc1f90ae7", "`webhook update --off` keeps what happens"],
  ]);
}
