import type { Webhook, WebhookDesk } from "../../webhook/webhooks.ts";
import type { Session } from "../session.ts";

/** The desk at which a command works: as its operator, in the registry's database, under OUTBOUND_ALLOWED. */
export const deskOf = ({ platform, actor, config }: Session): WebhookDesk => ({
  pool: platform,
  actor,
  allowed: config.OUTBOUND_ALLOWED,
});

/** One word or two for people: `on`, `off (why)`, `failing since 2026-11-21T18:43`, in UTC. Pure. */
export function stateOf({ isActive, disabledReason, failingSince }: Webhook): string {
  if (!isActive) return `off (${disabledReason})`;
  return failingSince === null ? "on" : `failing since ${failingSince.slice(0, 16)}`;
}
