import { readTenantTables } from "../../db/tables.ts";
import { tablesWithRows } from "../arrival.ts";
import type { Endpoint } from "../endpoint.ts";
import { makeFinding, type MoveFinding } from "./finding.ts";

interface TenantRow {
  slug: string;
  status: string;
  /** Hex. */
  seal: string;
  movedTo: string | null;
  arriving: string | null;
}

export interface CheckedTenant {
  readonly tenantId: string;
  readonly slug: string;
  /** Tokens of the move's own runs: what arrives under them is its own doing. */
  readonly ownTokens: readonly string[];
}

async function readRow({ mover }: Endpoint, tenantId: string): Promise<TenantRow | undefined> {
  const { rows } = await mover.query<TenantRow>(
    `select slug, status, encode(seal, 'hex') as seal, moved_to as "movedTo", arriving from platform.tenants where id = $1`,
    [tenantId],
  );
  return rows[0];
}

function checkSource({ name }: Endpoint, slug: string, row: TenantRow | undefined): MoveFinding[] {
  if (row === undefined || row.movedTo !== null) {
    const problem = row === undefined ? "This database has never had it." : `It lives in ${row.movedTo}.`;
    const fix =
      "`rowhouse tenant show` tells where the registry has it; `rowhouse moves list`, whether a move was stopped.";
    return [makeFinding("tenant_absent", name, slug, problem, fix)];
  }
  if (row.status !== "importing" && row.status !== "deleting") return [];
  const problem = `It is ${row.status}: its rows come or go by other means at this moment.`;
  const fix = `Let that end. \`rowhouse tenant show ${slug}\` tells more.`;
  return [makeFinding("tenant_busy", name, slug, problem, fix)];
}

function checkArrival(
  { name }: Endpoint,
  { slug, ownTokens }: CheckedTenant,
  own: TenantRow | undefined,
  there: TenantRow,
): MoveFinding[] {
  const findings: MoveFinding[] = [];
  if (there.movedTo === null) {
    const problem = "It lives in the target as well, by what both databases say. Its rows there must not be touched.";
    const fix = "This must not be: find out which one is the tenant's before anything else, and report it.";
    findings.push(makeFinding("tenant_there", name, slug, problem, fix));
  }
  if (there.arriving !== null && !ownTokens.includes(there.arriving)) {
    const problem = "Another move is filling the target with it.";
    const fix = `\`rowhouse moves list\` shows it; \`rowhouse moves abort ${slug}\` gives it up.`;
    findings.push(makeFinding("tenant_arriving", name, slug, problem, fix));
  }
  if (own !== undefined && own.seal !== there.seal) {
    const problem =
      "The target has it with another secret: the two databases are of different deployments, or of different times.";
    const fix = `rowhouse migrate --database ${name}; seals it anew by ROWHOUSE_SECRET.`;
    findings.push(makeFinding("seal_differs", name, slug, problem, fix));
  }
  return findings;
}

async function checkSlug({ name, mover }: Endpoint, { tenantId, slug }: CheckedTenant): Promise<MoveFinding[]> {
  const { rows } = await mover.query<{ id: string }>("select id from platform.tenants where slug = $1 and id <> $2", [
    slug,
    tenantId,
  ]);
  return rows.map(({ id }) => {
    const problem = `In the target the tenant ${id} is called ${slug}.`;
    const fix = `Rename one of both: rowhouse tenant rename ${slug} <other>.`;
    return makeFinding("slug_taken", name, slug, problem, fix);
  });
}

/** A dedicated database is one tenant's. */
async function checkHouse({ name, kind, mover }: Endpoint, { tenantId }: CheckedTenant): Promise<MoveFinding[]> {
  if (kind !== "dedicated") return [];
  const { rows } = await mover.query<{ slug: string }>(
    "select slug from platform.tenants where id <> $1 and (moved_to is null or arriving is not null) order by slug",
    [tenantId],
  );
  if (rows.length === 0) return [];
  const slugs = rows.map(({ slug }) => slug).join(", ");
  const problem = `It is a dedicated database, and ${slugs} lives in it or is on its way.`;
  const fix = "Move that one away first, or make another: rowhouse database add.";
  return [makeFinding("target_occupied", name, name, problem, fix)];
}

async function checkEmpty({ name, owner }: Endpoint, { tenantId, slug }: CheckedTenant): Promise<MoveFinding[]> {
  const tables = await tablesWithRows(owner, await readTenantTables(owner), tenantId);
  return tables.map((table) => {
    const problem = `It has rows of ${slug}, which no move has brought. They would mix with those that come.`;
    const fix = `Keep what is worth it, then as a superuser: set session_replication_role = replica; delete from ${table} where tenant_id = '${tenantId}';`;
    return makeFinding("target_not_empty", name, table, problem, fix);
  });
}

/** What the tenant itself, or its place at the target, keeps from moving. */
export async function checkTenant(source: Endpoint, target: Endpoint, checked: CheckedTenant): Promise<MoveFinding[]> {
  const own = await readRow(source, checked.tenantId);
  const there = await readRow(target, checked.tenantId);
  const isOwnArrival = there?.arriving != null && checked.ownTokens.includes(there.arriving);
  return [
    ...checkSource(source, checked.slug, own),
    ...(there === undefined ? [] : checkArrival(target, checked, own, there)),
    ...(await checkSlug(target, checked)),
    ...(await checkHouse(target, checked)),
    ...(isOwnArrival ? [] : await checkEmpty(target, checked)),
  ];
}
