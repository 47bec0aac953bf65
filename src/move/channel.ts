import { RowhouseError } from "../errors.ts";
import type { Endpoint } from "./endpoint.ts";

/** How what carries the tenant's changes stands, seen from both of its ends. */
export interface ChannelState {
  /** Undefined where there is no such subscription. */
  readonly subscription: { readonly enabled: boolean; readonly applying: boolean; readonly errors: number } | undefined;
  /** Undefined where there is no such slot. */
  readonly slot: { readonly active: boolean; readonly walStatus: string | null; readonly lag: string } | undefined;
}

const SUBSCRIPTION = `
  select s.subenabled as enabled, exists (select from pg_stat_subscription a where a.subid = s.oid and a.pid is not null) as applying,
    coalesce((select e.apply_error_count from pg_stat_subscription_stats e where e.subid = s.oid), 0)::int as errors
  from pg_subscription s join pg_database d on d.oid = s.subdbid
  where s.subname = $1 and d.datname = current_database()`;

const SLOT = `
  select active, wal_status as "walStatus", pg_size_pretty(pg_current_wal_lsn() - confirmed_flush_lsn) as lag
  from pg_replication_slots where slot_name = $1`;

/** @param name of publication, slot and subscription */
export async function readChannel(publisher: Endpoint, subscriber: Endpoint, name: string): Promise<ChannelState> {
  await subscriber.owner.query("select pg_stat_clear_snapshot()"); // inside a transaction they stay as first read
  const subscription = await subscriber.owner.query<NonNullable<ChannelState["subscription"]>>(SUBSCRIPTION, [name]);
  const slot = await publisher.owner.query<NonNullable<ChannelState["slot"]>>(SLOT, [name]);
  return { subscription: subscription.rows[0], slot: slot.rows[0] };
}

/** Pure: what no waiting will mend; null when it may only take its time. */
export function brokenBy({ subscription, slot }: ChannelState): string | null {
  if (subscription === undefined) return "the subscription is gone";
  if (!subscription.enabled) return "the subscription is disabled";
  if (slot === undefined) return "the replication slot is gone";
  if (slot.walStatus === "lost") return "the replication slot has lost its WAL (max_slot_wal_keep_size)";
  return null;
}

/** Pure, for people: what is known of a channel through which nothing comes. */
export function describeChannel({ subscription, slot }: ChannelState): string {
  const facts = [
    subscription === undefined
      ? "no subscription"
      : `subscription ${subscription.enabled ? "enabled" : "disabled"}, ${subscription.applying ? "a process applies" : "no process applies"}, ${subscription.errors} errors so far`,
    slot === undefined
      ? "no slot"
      : `slot ${slot.active ? "in use" : "not in use"}, WAL ${slot.walStatus ?? "unknown"}, ${slot.lag} not confirmed`,
  ];
  return facts.join("; ");
}

/** What only a new copy mends: without its slot or subscription, nobody knows what has come through. Null when it is whole. */
export async function findLoss(publisher: Endpoint, subscriber: Endpoint, name: string): Promise<string | null> {
  const { subscription, slot } = await readChannel(publisher, subscriber, name);
  return brokenBy({ slot, subscription: subscription && { ...subscription, enabled: true } });
}

/** The refusal of a channel through which something did not come, with all that the databases tell. */
export async function channelRefusal(
  publisher: Endpoint,
  subscriber: Endpoint,
  name: string,
  what: string,
): Promise<RowhouseError> {
  const state = await readChannel(publisher, subscriber, name);
  const reason = brokenBy(state);
  return new RowhouseError("moveBroken", {
    message: `${what}${reason === null ? "" : `: ${reason}`}`,
    details: describeChannel(state),
    hint:
      state.subscription?.enabled === false
        ? `In ${subscriber.name}: alter subscription ${name} enable; then resume the move.`
        : `The server's log of ${subscriber.name} says why its subscription ${name} does not go on. Then resume the move.`,
  });
}
