import type { Statement } from "../db/statement.ts";
import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { statement } from "./desk.ts";

/** An e-mail as it is written, in words and as a page. */
export interface Mail {
  /** `recovery`, `invitation`, … */
  readonly kind: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** One of the outbox. */
export interface OutboxMail extends Mail {
  readonly id: string;
  readonly tenant: string;
  readonly createdAt: string;
  /** Null until it was sent. */
  readonly sentAt: string | null;
  readonly attempts: number;
  /** `sends`: its text is going out. `doubt`: the connection broke when the mail server had it, or nearly, and it is not tried again by itself. */
  readonly state: "waits" | "sends" | "sent" | "failed" | "doubt";
  /** Why the last try did not succeed. */
  readonly error: string | null;
}

/**
 * Puts a mail about a one-time link into the outbox, if the link was written just before in this transaction; once, however often.
 * @param digest the link's
 */
export const postLink = (mail: Mail, digest: Buffer): Statement => post(mail, digest, "link:");

/** The same, of a mail to somebody else about that link, and without it. */
export const postNotice = (mail: Mail, digest: Buffer): Statement => post(mail, digest, "notice:");

function post({ kind, to, subject, text, html }: Mail, digest: Buffer, prefix: string): Statement {
  return statement(
    `insert into platform.outbox (tenant_id, kind, to_address, subject, text, html, dedupe_key)
     select platform.current_tenant(), $2, $3, $4, $5, $6, $7 || encode($1, 'hex') from tenant.one_time_links l where l.hash = $1
     on conflict (dedupe_key) do nothing`,
    digest,
    kind,
    to,
    subject,
    text,
    html,
    prefix,
  );
}

const COLUMNS = `o.id, t.slug as tenant, o.kind, o.to_address as "to", o.subject, o.text, o.html, o.attempts, o.error,
  case when o.sent_at is not null then 'sent' when o.failed_at is not null then 'failed'
    when o.sending_at is null then 'waits'
    when o.error is not null or o.sending_at < now() - interval '5 minutes' then 'doubt' else 'sends' end as state,
  to_char(o.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "createdAt",
  to_char(o.sent_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "sentAt"`;
const FROM = "platform.outbox o join platform.tenants t on t.id = o.tenant_id";

/** The newest first. @param pool connections of rowhouse_platform, of any database of the deployment */
export function listMails(pool: ConnectionPool, slug: string | null, most: number): Promise<OutboxMail[]> {
  return queryRows<OutboxMail>(pool, {
    text: `select ${COLUMNS} from ${FROM} where $1::text is null or t.slug = $1 order by o.created_at desc, o.id limit $2`,
    values: [slug, most],
  });
}

/** @param id the whole id or its first characters */
export async function findMail(pool: ConnectionPool, id: string): Promise<OutboxMail | undefined> {
  const rows = await queryRows<OutboxMail>(pool, {
    text: `select ${COLUMNS} from ${FROM} where starts_with(o.id::text, $1) limit 2`,
    values: [id.toLowerCase()],
  });
  return rows.length === 1 ? rows[0] : undefined;
}
