import type { Connections } from "../db/connections.ts";
import { withConnection } from "../db/transaction.ts";
import { pauseAfter, type Letter, type Outcome } from "./letter.ts";

/** Longer than an SMTP conversation can take: whoever holds a letter so long has died, and did not begin to send it. */
const LEASE = "5 minutes";

const CLAIM = `
  update platform.outbox o set attempts = o.attempts + 1, next_at = now() + $2::interval
  where o.id in (
    select p.id from platform.outbox p
    where p.sent_at is null and p.failed_at is null and p.sending_at is null and p.next_at <= now()
    order by p.next_at limit $1 for update skip locked)
  returning o.id, o.to_address as "to", o.subject, o.text, o.html, o.attempts,
    to_char(o.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "createdAt"`;

/** Takes letters that are due, which no other process then takes. @param pool connections of rowhouse_platform */
export function claimLetters(pool: Connections, most: number): Promise<Letter[]> {
  return withConnection(pool, async (client) => (await client.query<Letter>(CLAIM, [most, LEASE])).rows);
}

/**
 * Notes that the letter's text goes out from now on. After this only its outcome makes it one to be sent again.
 * @returns whether the letter is still ours
 */
export function markSending(pool: Connections, { id, attempts }: Letter): Promise<boolean> {
  return withConnection(pool, async (client) => {
    const { rowCount } = await client.query(
      `update platform.outbox set sending_at = now(), error = null
       where id = $1 and attempts = $2 and sending_at is null and sent_at is null and next_at > now()`,
      [id, attempts],
    );
    return rowCount === 1;
  });
}

/** Writes down how it ended. */
export async function settle(pool: Connections, { id, attempts }: Letter, outcome: Outcome): Promise<void> {
  const pause = outcome.kind === "refused" && !outcome.isFinal ? pauseAfter(attempts) : null;
  const error = outcome.kind === "sent" ? null : outcome.error.slice(0, 1000);
  await withConnection(pool, (client) =>
    client.query(
      `update platform.outbox set error = $3,
         sent_at = case when $4 = 'sent' then now() end,
         sending_at = case when $4 = 'doubtful' then coalesce(sending_at, now()) end,
         failed_at = case when $4 = 'refused' and $5::integer is null then now() end,
         next_at = case when $5::integer is null then next_at else now() + make_interval(secs => $5) end
       where id = $1 and attempts = $2`,
      [id, attempts, error, outcome.kind, pause],
    ),
  );
}

/**
 * Has a letter sent once more: one that failed, is in doubt or waits for its next try. Not one whose text is going out just now: until
 * whoever sends it must have ended, it would arrive twice.
 * @param id the whole id or its first characters
 * @returns whether there is such a letter, and one only, that was not sent
 */
export function resendLetter(pool: Connections, id: string): Promise<boolean> {
  return withConnection(pool, async (client) => {
    const { rowCount } = await client.query(
      `update platform.outbox o set sending_at = null, failed_at = null, error = null, attempts = 0, next_at = now()
       where o.sent_at is null and (o.sending_at is null or o.error is not null or o.sending_at < now() - $2::interval) and o.id = (
         select min(p.id::text)::uuid from platform.outbox p where starts_with(p.id::text, lower($1)) having count(*) = 1)`,
      [id, LEASE],
    );
    return rowCount === 1;
  });
}
