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
    timeoutMs: 120_000, // an answer that a test does not keep back comes
    onError: (error) => {
      throw error;
    },
    ...more,
  };
}

/** One round of what is due. */
export const sendDue = (db: TestDatabase, more: Partial<WebhookSources> = {}) => deliverDue(sourcesOf(db, more));

const LATER_SECONDS = 86_400;

/** Puts off every further try by a day, so that none comes before {@link passTime}, however long a test stands still. */
export const putOffTries = (db: TestDatabase) =>
  db.admin.query(`
    create function platform.put_off() returns trigger language plpgsql as $$ begin
      new.next_at := new.next_at + interval '${LATER_SECONDS} s'; return new; end $$;
    create trigger put_off before update on platform.webhook_deliveries for each row
      when (new.attempts = old.attempts and new.next_at <> old.next_at and new.next_at > now()) execute function platform.put_off()`);

/** Makes everything due that waits: the time until then has passed. */
export const passTime = (db: TestDatabase) =>
  db.admin.query(
    "update platform.webhook_deliveries set next_at = now() where delivered_at is null and failed_at is null",
  );

export const clearWebhooks = (db: TestDatabase) =>
  db.admin.query("delete from platform.webhooks; delete from platform.webhook_events");

async function readClock({ admin }: TestDatabase): Promise<number> {
  const { rows } = await admin.query<{ now: string }>("select platform.time_text(clock_timestamp()) as now");
  return Date.parse(rows[0]!.now);
}

/** Seconds: somewhere between the two. */
export interface Pause {
  readonly least: number;
  readonly most: number;
}

/**
 * One round of what is due.
 * @returns how long a delivery then waits, before it is put off: it failed after the round's start and before its end, which may be far apart
 */
export async function sendTimed(db: TestDatabase): Promise<(delivery: Pick<Delivery, "nextAt">) => Pause> {
  const start = await readClock(db);
  await sendDue(db);
  const end = await readClock(db);
  return ({ nextAt }) => {
    const at = Date.parse(nextAt!) - LATER_SECONDS * 1000;
    return { least: (at - end) / 1000, most: (at - start) / 1000 };
  };
}
