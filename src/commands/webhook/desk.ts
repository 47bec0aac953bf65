import type { Webhook, WebhookDesk } from "../../webhook/webhooks.ts";
import type { Session } from "../session.ts";

export const deskOf = ({ platform, actor, config }: Session): WebhookDesk => ({
  pool: platform,
  actor,
  allowed: config.OUTBOUND_ALLOWED,
});

export function stateOf({ isActive, disabledReason, failingSince }: Webhook): string {
  if (!isActive) return `off (${disabledReason})`;
  return failingSince === null ? "on" : `failing since ${failingSince.slice(0, 16)}`;
}
