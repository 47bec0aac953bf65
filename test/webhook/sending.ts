import { openCheckedFetch } from "../../src/net/checked-fetch.ts";
import type { Delivery } from "../../src/webhook/deliveries.ts";
import { deliverDue, type WebhookSources } from "../../src/webhook/sender.ts";
import type { WebhookDesk } from "../../src/webhook/webhooks.ts";
import type { TestDatabase } from "../harness.ts";

/** This machine, which nothing may be sent to unless the operator says so. */
export const ALLOWED = ["127.0.0.1"];

export const deskOf = (db: TestDatabase): WebhookDesk => ({ pool: db.platform, actor: "test", allowed: ALLOWED });

export function sourcesOf(db: TestDatabase, more: Partial<WebhookSources> = {}): WebhookSources {
  return {
    home: db.platform,
    others: async () => [],
    fetch: openCheckedFetch({ allowed: ALLOWED }),
    keptDays: 30,
    onError: (error) => {
      throw error;
    },
    ...more,
  };
}

/** One round of what is due. */
export const sendDue = (db: TestDatabase, more: Partial<WebhookSources> = {}) => deliverDue(sourcesOf(db, more));

/** Makes everything due that waits: the time until then has passed. */
export const passTime = (db: TestDatabase) =>
  db.admin.query(
    "update platform.webhook_deliveries set next_at = now() where delivered_at is null and failed_at is null",
  );

export const clearWebhooks = (db: TestDatabase) =>
  db.admin.query("delete from platform.webhooks; delete from platform.webhook_events");

/** Seconds until the delivery's next try. */
export const waitOf = ({ nextAt }: Pick<Delivery, "nextAt">) => (Date.parse(nextAt!) - Date.now()) / 1000;
