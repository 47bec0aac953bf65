import { invitation } from "../auth/invitation.ts";
import type { ConnectionPool, DbClient } from "../db/connections.ts";
import type { Keyring } from "../db/keyring.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { UUID } from "../db/uuid.ts";
import { RowhouseError } from "../errors.ts";
import { findPlanInside } from "../plan/plans.ts";
import { subscribe } from "../plan/subscription.ts";
import { findTenantById } from "../tenant/change.ts";
import { makeTenant, slugTaken } from "../tenant/create.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { DEMO_COLUMNS, unknownRequest, type DemoRequest } from "./request.ts";

/** What an operator decides about a request, besides that it is approved. */
export interface Approval {
  /** The one that was asked for, or one made of the company's name, when left out. */
  readonly slug?: string;
  /** The default one when left out. */
  readonly plan?: string;
  /** Days until the trial ends; 14 when left out. */
  readonly trialDays?: number;
  /** Membership role of the first user; `owner` when left out. */
  readonly role?: string;
  readonly note?: string;
}

export interface ApprovedDemo {
  readonly request: DemoRequest;
  readonly tenant: Tenant;
}

export interface DemoSources {
  /** Connections of rowhouse_platform. */
  readonly pool: ConnectionPool;
  readonly keyring: Keyring;
  /** Address of a tenant, by its slug. */
  readonly originOf: (slug: string) => string;
}

const DAY_MS = 86_400_000;

/** Pure. @returns a slug that may be taken or reserved; empty where the name has no letter of the alphabet */
export function slugOf(company: string): string {
  const plain = company.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  const label = plain.replaceAll(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+/, "");
  return label.slice(0, 63).replace(/-+$/, "");
}

/** Nobody else decides it meanwhile. @throws RowhouseError demoUnknown */
async function lockRequest(client: DbClient, id: string): Promise<DemoRequest> {
  if (!UUID.test(id)) throw unknownRequest(id);
  const { rows } = await client.query<DemoRequest>(
    `select ${DEMO_COLUMNS} from platform.demo_requests d where d.id = $1 for update`,
    [id],
  );
  if (rows[0] === undefined) throw unknownRequest(id);
  return rows[0];
}

function decidedOtherwise({ status, decidedBy }: DemoRequest): RowhouseError {
  return new RowhouseError("demoDecided", { message: `The request was ${status} by ${decidedBy}` });
}

async function decide(
  client: DbClient,
  { id }: DemoRequest,
  decision: {
    readonly status: "approved" | "declined";
    readonly tenantId: string | null;
    readonly note: string | undefined;
  },
  actor: string,
): Promise<DemoRequest> {
  const { rows } = await client.query<DemoRequest>(
    `update platform.demo_requests d set status = $2, tenant_id = $3, note = $4, decided_by = $5, decided_at = now()
     where d.id = $1 returning ${DEMO_COLUMNS}`,
    [id, decision.status, decision.tenantId, decision.note ?? null, actor],
  );
  return rows[0]!;
}

/**
 * Tenant, subdomain, plan, locations, first user, role, and the e-mail that invites: all of it in one transaction with the decision, so
 * that there is all of it or nothing, wherever it is interrupted. Approving once more changes nothing, and answers with the tenant.
 * @throws RowhouseError demoUnknown, demoDecided, planUnknown, tenantExists, slugMalformed, slugReserved, domainTaken, roleUnknown
 */
export async function approveDemo(
  { pool, keyring, originOf }: DemoSources,
  id: string,
  approval: Approval,
  actor: string,
): Promise<ApprovedDemo> {
  const { trialDays = 14, role = "owner", note } = approval;
  const trialEndsAt = new Date(Date.now() + trialDays * DAY_MS).toISOString();
  const done = await inPlatformTransaction(pool, actor, async (client) => {
    const asked = await lockRequest(client, id);
    if (asked.status === "declined") throw decidedOtherwise(asked);
    if (asked.status === "approved") return { request: asked, tenant: null };
    const plan = await findPlanInside(client, approval.plan ?? null);
    const slug = approval.slug ?? asked.slug ?? slugOf(asked.company);
    const { email, company, name, industry, size, locations } = asked;
    const place = { tenantName: company, origin: originOf(slug), redirectTo: null };
    const profile = { contactName: name, contactEmail: email, industry, size };
    const inside = [subscribe(plan, { status: "trial", trialEndsAt }), ...invitation({ email, role, name }, place)];
    const tenant = await makeTenant(client, keyring, { slug, name: company, profile, locations, inside });
    if (tenant === undefined) throw slugTaken(slug);
    const request = await decide(client, asked, { status: "approved", tenantId: tenant.id, note }, actor);
    return { request, tenant };
  });
  return { request: done.request, tenant: done.tenant ?? (await findTenantById(pool, done.request.tenantId!)) };
}

/**
 * Declining once more changes nothing.
 * @throws RowhouseError demoUnknown, demoDecided
 */
export function declineDemo(
  pool: ConnectionPool,
  id: string,
  note: string | undefined,
  actor: string,
): Promise<DemoRequest> {
  return inPlatformTransaction(pool, actor, async (client) => {
    const asked = await lockRequest(client, id);
    if (asked.status === "approved") throw decidedOtherwise(asked);
    if (asked.status === "declined") return asked;
    return decide(client, asked, { status: "declined", tenantId: null, note }, actor);
  });
}
