import type { Command } from "commander";
import { redeliver, redeliverFailed } from "../../webhook/deliveries.ts";
import { act, addExamples } from "../action.ts";
import { plural, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { deskOf } from "./desk.ts";

async function again(out: Output, _options: unknown, id: string, delivery?: string): Promise<void> {
  await using session = await openSession("webhook redeliver");
  const desk = deskOf(session);
  if (delivery !== undefined) await redeliver(desk, id, delivery);
  const count = delivery === undefined ? await redeliverFailed(desk, id) : 1;
  out.answer({ count }, `${plural(count, "event")} to be sent`);
  out.talk("`rowhouse serve` sends what is due, to a webhook that is on.");
}

export function registerWebhookRedeliver(group: Command): void {
  const command = group
    .command("redeliver <id> [delivery]")
    .description("send one event once more, delivered or not; without it all that were given up")
    .action(act<unknown, [string, string?]>(again));
  addExamples(command, [
    ["rowhouse webhook redeliver 7c9e6679-7425-40de-944b-e07fc1f90ae7", "once the receiver works again"],
  ]);
}
