import { openAttempts } from "../../src/auth/attempts.ts";
import { listDemoRequests, requestDemo } from "../../src/demo/request.ts";
import type { TestDatabase } from "../harness.ts";
import { Random } from "../random.ts";
import { SEED } from "../seed.ts";
import { EXECUTE, type Death } from "./wire.ts";

export const emailOf = (label: string) => `ann@${label}.example`;

/** Somebody asks for a demo, past the limit of requests that one address has. @returns the request's id */
export async function askForDemo(db: TestDatabase, label: string): Promise<string> {
  await db.admin.query("delete from platform.sign_in_attempts");
  const wanted = {
    email: emailOf(label),
    name: "Ann",
    company: `${label} Ltd`,
    slug: label,
    locations: [{ code: "hq", name: "Main" }],
  };
  await requestDemo(db.platform, openAttempts(db.platform), wanted, "192.0.2.1");
  const all = await listDemoRequests(db.platform, { status: "open", limit: 1000 });
  return all.find(({ slug }) => slug === label)!.id;
}

/** Of all that one approval makes: how often it is there. */
export const NOTHING = {
  tenants: 0,
  domains: 0,
  users: 0,
  links: 0,
  mails: 0,
  subscriptions: 0,
  locations: 0,
  decisions: 0,
};
export const ONE_OF_EACH = {
  tenants: 1,
  domains: 1,
  users: 1,
  links: 1,
  mails: 1,
  subscriptions: 1,
  locations: 1,
  decisions: 1,
};

/** How often a tenant, an address, a user, a link, a mail, a plan, a place and a decision of the label are there. */
export async function countMade(db: TestDatabase, label: string): Promise<typeof NOTHING> {
  const { rows } = await db.admin.query<typeof NOTHING>(
    `with t as (select id from platform.tenants where name = $1 || ' Ltd') select
      (select count(*) from t)::integer as tenants,
      (select count(*) from platform.domains where tenant_id in (select id from t))::integer as domains,
      (select count(*) from tenant.users where email = $2)::integer as users,
      (select count(*) from tenant.one_time_links where email = $2)::integer as links,
      (select count(*) from platform.outbox where to_address = $2)::integer as mails,
      (select count(*) from tenant.subscription where tenant_id in (select id from t))::integer as subscriptions,
      (select count(*) from tenant.locations where tenant_id in (select id from t))::integer as locations,
      (select count(*) from platform.audit_events where action = 'demo.approved' and details ->> 'slug' = $1)::integer as decisions`,
    [label, emailOf(label)],
  );
  return rows[0]!;
}

/**
 * What may be there when somebody died at the last of these statements: all of it, or nothing; at the commit itself either, when the server
 * was working on it.
 */
export function allowedAfter(statements: readonly string[], { when }: Death): (typeof NOTHING)[] {
  const commit = statements.indexOf("commit");
  const isLast = commit === statements.length - 1;
  if (commit === -1 || (isLast && when === "before")) return [NOTHING];
  return isLast && when === "during" ? [NOTHING, ONE_OF_EACH] : [ONE_OF_EACH];
}

/** Every way to die at what a whole run asks. An Execute is answered with its Sync only. */
export const deathsAt = (statements: readonly string[]): Death[] =>
  statements.flatMap((text, index) =>
    (text.startsWith(EXECUTE) ? (["before"] as const) : (["before", "during", "after"] as const)).map((when) => ({
      at: index + 1,
      when,
    })),
  );

const IS_WHOLE = process.env["TEST_CRASHES"] === "all";

/**
 * All points with `TEST_CRASHES=all` (`npm run test:crashes`); else some: those of `always`, and others that the seed decides.
 * @param most how many others
 */
export function sample<T>(points: readonly T[], most: number, always: (point: T) => boolean = () => false): T[] {
  if (IS_WHOLE) return [...points];
  const others = points.filter((point) => !always(point));
  const stride = Math.max(1, Math.floor(others.length / most));
  const offset = new Random(SEED).below(stride);
  const chosen = new Set(others.filter((_, index) => index % stride === offset).slice(0, most));
  return points.filter((point) => always(point) || chosen.has(point));
}
