import type { TenantTable } from "../db/tables.ts";
import { RowhouseError } from "../errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { DEFAULT_SETTINGS } from "./move.ts";
import type { MoveFinding } from "./preflight/finding.ts";
import { checkLinks } from "./preflight/link.ts";
import { checkSchemas } from "./preflight/schema.ts";
import { checkAccess, checkServers } from "./preflight/server.ts";
import { checkTables } from "./preflight/table.ts";
import { checkTenant } from "./preflight/tenant.ts";
import type { Run } from "./run.ts";

export type { MoveFinding } from "./preflight/finding.ts";

export interface Preflight {
  readonly source: Endpoint;
  readonly target: Endpoint;
  /** Of the source. */
  readonly tables: readonly TenantTable[];
  readonly tenantId: string;
  readonly slug: string;
  /** For how long the way back is to be kept, in seconds. */
  readonly windowSeconds?: number;
  /** Tokens of the move's own runs, when there is one already. */
  readonly ownTokens?: readonly string[];
}

/**
 * Looks at everything that a move of the tenant will meet in both databases, and changes nothing. docs/reference/preflight.md has
 * a section for each code.
 * @returns every finding at once, errors first; empty when nothing stands in the way
 * @throws RowhouseError databaseUnavailable
 */
export async function preflight(asked: Preflight): Promise<MoveFinding[]> {
  const { source, target, windowSeconds = DEFAULT_SETTINGS.windowSeconds, ownTokens = [] } = asked;
  const findings = [...(await checkAccess(source)), ...(await checkAccess(target))];
  if (findings.length === 0) {
    findings.push(...(await checkServers(source, target, windowSeconds)), ...(await checkLinks(source, target)));
    const schemas = await checkSchemas(source, target);
    findings.push(...schemas.findings);
    if (!schemas.isBare) {
      findings.push(...(await checkTables(source, target)));
      findings.push(...(await checkTenant(source, target, { ...asked, ownTokens })));
    }
  }
  const isError = ({ severity }: MoveFinding) => severity === "error";
  return [...findings.filter(isError), ...findings.filter((finding) => !isError(finding))];
}

/** Pure, for people: one finding in one line. */
export function describeFinding({ code, database, object, problem, fix }: MoveFinding): string {
  return `${code}: ${object} in ${database}: ${problem} Fix: ${fix}`;
}

/** @throws RowhouseError moveRefused, whose details have every finding in a line of its own; databaseUnavailable */
export async function assertMovable({ source, target, tables, move, formerTokens }: Run): Promise<void> {
  const { tenantId, slug, settings, token } = move;
  const ownTokens = [...formerTokens, token];
  const { windowSeconds } = settings;
  assertNoError(
    slug,
    target.name,
    await preflight({ source, target, tables, tenantId, slug, windowSeconds, ownTokens }),
  );
}

/**
 * @param to the target's name
 * @throws RowhouseError moveRefused, whose details have every finding in a line of its own
 */
export function assertNoError(slug: string, to: string, findings: readonly MoveFinding[]): void {
  const errors = findings.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return;
  const [first] = errors;
  throw new RowhouseError("moveRefused", {
    message: `${slug} can't be moved: ${first!.object}: ${first!.problem}${errors.length > 1 ? ` And ${errors.length - 1} more.` : ""}`,
    details: findings.map(describeFinding).join("\n"),
    hint: `${first!.fix} \`rowhouse move ${slug} --to ${to} --dry-run\` shows all findings.`,
  });
}
