import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { RowhouseError } from "../errors.ts";

/** Something that is counted, and how often it may happen in its window. */
export interface Limit {
  /** What, whose: only its digest is kept. */
  readonly subject: string;
  readonly most: number;
  readonly windowSeconds: number;
}

function exceeded(retryAfter: number): RowhouseError {
  const wait = retryAfter < 90 ? `${retryAfter} s` : `${Math.ceil(retryAfter / 60)} min`;
  return new RowhouseError("attemptsExceeded", {
    message: `Too many attempts. Try again in ${wait}.`,
    hint: "Whoever has forgotten the password can have a link to set a new one sent.",
    retryAfter,
  });
}

/** Counts in the registry's database, for all server processes together (threats.md H24). */
export interface Attempts {
  /**
   * Counts one more of each, in turn, before it is known how it ends: guesses that run side by side are all counted. Those after one that
   * is used up are not: an address that is refused anyway locks no account, and uses up nothing that others share.
   * @param limits those of the address first
   * @throws RowhouseError attemptsExceeded, until the window ends
   */
  count(limits: readonly Limit[]): Promise<void>;
  /** They were who they said: what was counted for the account is forgotten, and one taken back of the rest. */
  forgive(account: Limit, others: readonly Limit[]): Promise<void>;
}

const MINUTES = 60;

/** Guesses of passwords: an office behind one address may mistype more often than one person. */
export const signInLimits = (tenantId: string, email: string, address: string | null) => ({
  account: { subject: `sign-in ${tenantId} ${email}`, most: 10, windowSeconds: 15 * MINUTES },
  address: { subject: `sign-in from ${networkOf(address)}`, most: 100, windowSeconds: 15 * MINUTES },
});

/** Whatever has an e-mail sent. */
export const mailLimits = (tenantId: string, email: string, address: string | null): Limit[] => [
  { subject: `mail from ${networkOf(address)}`, most: 60, windowSeconds: 60 * MINUTES },
  { subject: `mail ${tenantId} ${email}`, most: 5, windowSeconds: 60 * MINUTES },
];

/** One customer of a provider has a whole /64 of IPv6 addresses (RFC 6177). Pure. */
export function networkOf(address: string | null): string {
  if (address === null || !isIPv6(address)) return address ?? "nowhere";
  if (address.toLowerCase().startsWith("::ffff:")) return address.slice("::ffff:".length);
  const [head = "", tail] = address.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups =
    tail === undefined
      ? front
      : [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0"), ...back];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}

const digest = ({ subject }: Limit) => createHash("sha256").update(subject).digest();

const COUNT = `
  insert into platform.sign_in_attempts as a (subject, attempts, resets_at) values ($1, 1, now() + make_interval(secs => $2::integer))
  on conflict (subject) do update set
    attempts = case when a.resets_at <= now() then 1 else a.attempts + 1 end,
    resets_at = case when a.resets_at <= now() then excluded.resets_at else a.resets_at end
  returning a.attempts, ceil(extract(epoch from a.resets_at - now()))::integer as seconds`;
const FORGIVE = `
  with gone as (delete from platform.sign_in_attempts where subject = $1
    or subject in (select a.subject from platform.sign_in_attempts a where a.resets_at < now() limit 100 for update skip locked))
  update platform.sign_in_attempts set attempts = greatest(attempts - 1, 1) where subject = any ($2::bytea[]) and resets_at >= now()`;

interface Counted {
  readonly attempts: number;
  readonly seconds: number;
}

/** @param pool connections of rowhouse_platform in the registry's database */
export function openAttempts(pool: ConnectionPool): Attempts {
  return {
    count: async (limits) => {
      for (const limit of limits) {
        const values = [digest(limit), limit.windowSeconds];
        const [counted] = await queryRows<Counted>(pool, { name: "rowhouse_attempts", text: COUNT, values });
        if (counted!.attempts > limit.most) throw exceeded(Math.max(1, counted!.seconds));
      }
    },
    forgive: async (account, others) => {
      await queryRows(pool, { name: "rowhouse_forgive", text: FORGIVE, values: [digest(account), others.map(digest)] });
    },
  };
}
