import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerWebhookAdd } from "./webhook/add.ts";
import { registerWebhookDeliveries } from "./webhook/deliveries.ts";
import { registerWebhookList } from "./webhook/list.ts";
import { registerWebhookPing } from "./webhook/ping.ts";
import { registerWebhookRedeliver } from "./webhook/redeliver.ts";
import { registerWebhookRemove } from "./webhook/remove.ts";
import { registerWebhookRotate } from "./webhook/rotate.ts";
import { registerWebhookUpdate } from "./webhook/update.ts";

export function registerWebhook(program: Command): void {
  const group = program
    .command("webhook")
    .description("addresses that are told of what happens to tenants, and what was sent to them");
  for (const register of [
    registerWebhookAdd,
    registerWebhookList,
    registerWebhookUpdate,
    registerWebhookRemove,
    registerWebhookRotate,
    registerWebhookDeliveries,
    registerWebhookRedeliver,
    registerWebhookPing,
  ])
    register(group);
  addExamples(group, [
    ["rowhouse webhook add https://hooks.example.com/rowhouse", "it prints the id that `rowhouse webhook ping` takes"],
  ]);
}
