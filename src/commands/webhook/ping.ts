import type { Command } from "commander";
import { pingWebhook } from "../../webhook/deliveries.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { deskOf } from "./desk.ts";

async function ping(out: Output, _options: unknown, id: string): Promise<void> {
  await using session = await openSession("webhook ping");
  const delivery = await pingWebhook(deskOf(session), id);
  out.answer(delivery, `${delivery.id}  to be sent`);
  out.talk(`\`rowhouse serve\` sends it. What came of it: rowhouse webhook deliveries ${id}`);
}

export function registerWebhookPing(group: Command): void {
  const command = group
    .command("ping <id>")
    .description("send a test event, webhook.ping, once, to a webhook that is off as well")
    .action(act<unknown, [string]>(ping));
  addExamples(command, [
    ["rowhouse webhook ping 7c9e6679-7425-40de-944b-e07fc1f90ae7", "after the receiver is set up"],
  ]);
}
