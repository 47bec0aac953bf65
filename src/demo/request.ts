import { networkOf, type Attempts } from "../auth/attempts.ts";
import { readEmail } from "../auth/email.ts";
import type { ConnectionPool } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { UUID } from "../db/uuid.ts";
import { RowhouseError } from "../errors.ts";
import type { NewLocation } from "../tenant/create.ts";

/** Somebody who would like to try it. */
export interface DemoRequest {
  /** uuid */
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly company: string;
  /** The subdomain that was asked for. */
  readonly slug: string | null;
  readonly industry: string | null;
  readonly size: string | null;
  readonly locations: readonly NewLocation[];
  readonly message: string | null;
  readonly status: "open" | "approved" | "declined";
  readonly tenantId: string | null;
  /** ISO 8601 */
  readonly decidedAt: string | null;
  readonly decidedBy: string | null;
  readonly note: string | null;
  /** ISO 8601 */
  readonly createdAt: string;
}

export type NewDemoRequest = Pick<DemoRequest, "email" | "name" | "company"> &
  Partial<{ slug: string; industry: string; size: string; locations: readonly NewLocation[]; message: string }>;

/** The columns of `platform.demo_requests d` that make a {@link DemoRequest}. */
export const DEMO_COLUMNS = `d.id, d.email, d.name, d.company, d.slug, d.industry, d.size, d.locations, d.message, d.status,
  d.tenant_id as "tenantId", platform.time_text(d.decided_at) as "decidedAt", d.decided_by as "decidedBy", d.note,
  platform.time_text(d.created_at) as "createdAt"`;

const HOUR = 3600;
/** One address may ask a few times; all together no more than people can read. */
const limitsOf = (address: string | null) => [
  { subject: `demo from ${networkOf(address)}`, most: 5, windowSeconds: HOUR },
  { subject: "demo", most: 500, windowSeconds: HOUR },
];

/**
 * Takes the form of somebody who is not known. Who asks again while the first request is open changes nothing, and can't tell.
 * @throws RowhouseError bodyInvalid for an e-mail address that is none; attemptsExceeded
 */
export async function requestDemo(
  pool: ConnectionPool,
  attempts: Attempts,
  wanted: NewDemoRequest,
  address: string | null,
): Promise<void> {
  const email = readEmail(wanted.email);
  await attempts.count(limitsOf(address));
  const { name, company, slug = null, industry = null, size = null, locations = [], message = null } = wanted;
  await inPlatformTransaction(pool, "anonymous", (client) =>
    client.query(
      `insert into platform.demo_requests (email, name, company, slug, industry, size, locations, message)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (email) where status = 'open' do nothing`,
      [email, name, company, slug, industry, size, JSON.stringify(locations), message],
    ),
  );
}

export interface DemoFilter {
  readonly status?: DemoRequest["status"];
  /** Id of the last one of the page before. */
  readonly after?: string;
  readonly limit: number;
}

/** The oldest first: they wait the longest. */
export function listDemoRequests(pool: ConnectionPool, { status, after, limit }: DemoFilter): Promise<DemoRequest[]> {
  return queryRows<DemoRequest>(pool, {
    text: `select ${DEMO_COLUMNS} from platform.demo_requests d
      where ($1::text is null or d.status = $1)
        and ($2::text is null or (d.created_at, d.id) > (select a.created_at, a.id from platform.demo_requests a where a.id::text = $2))
      order by d.created_at, d.id limit $3`,
    values: [status ?? null, after ?? null, limit],
  });
}

/** The refusal where there is no request of that id. Pure. */
export function unknownRequest(id: string): RowhouseError {
  return new RowhouseError("demoUnknown", {
    message: `There is no demo request ${id}`,
    hint: "`rowhouse demo list` shows them.",
  });
}

/** @throws RowhouseError demoUnknown */
export async function findDemoRequest(pool: ConnectionPool, id: string): Promise<DemoRequest> {
  const text = `select ${DEMO_COLUMNS} from platform.demo_requests d where d.id = $1`;
  const [found] = UUID.test(id) ? await queryRows<DemoRequest>(pool, { text, values: [id] }) : [];
  if (found === undefined) throw unknownRequest(id);
  return found;
}
