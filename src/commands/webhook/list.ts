import type { Command } from "commander";
import { listWebhooks } from "../../webhook/webhooks.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { stateOf } from "./desk.ts";

async function list(out: Output): Promise<void> {
  await using session = await openSession("webhook list");
  const webhooks = await listWebhooks(session.platform);
  const rows = webhooks.map((webhook) => [
    webhook.id,
    webhook.url,
    webhook.events?.join(" ") ?? "all",
    stateOf(webhook),
    webhook.description ?? "",
  ]);
  out.answer(webhooks, rows.length === 0 ? "" : formatTable(["ID", "URL", "EVENTS", "STATE", ""], rows));
  if (rows.length === 0) out.talk("No webhooks yet. Next: rowhouse webhook add");
}

export function registerWebhookList(group: Command): void {
  const command = group
    .command("list")
    .alias("ls")
    .description("all webhooks, and whether they work")
    .action(act(list));
  addExamples(command, [["rowhouse webhook list --json", "for a program; without the secrets"]]);
}
