import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { OVERLAP_HOURS, rotateWebhook } from "../../webhook/webhooks.ts";
import { act, addExamples } from "../action.ts";
import { formatFacts, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { deskOf } from "./desk.ts";

const MOST_HOURS = 720;

interface RotateOptions {
  readonly overlapHours: string;
}

function readHours(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= MOST_HOURS) return Number(text);
  throw new RowhouseError("usage", { message: `--overlap-hours is 0 to ${MOST_HOURS}; not ${text}` });
}

async function rotate(out: Output, { overlapHours }: RotateOptions, id: string): Promise<void> {
  const hours = readHours(overlapHours);
  await using session = await openSession("webhook rotate");
  const webhook = await rotateWebhook(deskOf(session), id, hours);
  const { secret, rotatingUntil } = webhook;
  out.answer(webhook, formatFacts([["secret", secret]]));
  out.talk(
    rotatingUntil === null
      ? "The secret before signs no more."
      : `The secret before signs as well until ${rotatingUntil}: give the receiver this one by then.`,
  );
}

export function registerWebhookRotate(group: Command): void {
  const command = group
    .command("rotate <id>")
    .description("give a webhook another secret; the one before signs as well for a while")
    .option("--overlap-hours <number>", "how long, 0 when it has leaked", String(OVERLAP_HOURS))
    .action(act<RotateOptions, [string]>(rotate));
  addExamples(command, [
    ["rowhouse webhook rotate 7c9e6679-7425-40de-944b-e07fc1f90ae7", "no event is lost while the receiver changes"],
  ]);
}
