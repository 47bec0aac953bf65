import { SALES_DIR } from "./evaluation.ts";
import { formatFacts, type Output } from "./output.ts";
import { curlLine, supabaseLine } from "./paste.ts";

export interface WelcomeTenant {
  readonly slug: string;
  readonly name: string;
  readonly url: string;
  /** Null where tokens are not given away: with a database of the user's own. */
  readonly token: string | null;
}

export interface WelcomeFacts {
  readonly version: string;
  /** Of BASE_DOMAIN itself. */
  readonly url: string;
  readonly platformUrl: string;
  readonly tenants: readonly WelcomeTenant[];
  /** How many there are, which may be more than are listed. */
  readonly tenantCount: number;
  readonly appDir: string | null;
  readonly database: {
    readonly embedded: boolean;
    /** Host, port and name; never a password. */
    readonly address: string;
    readonly postgresql: string;
    /** Where the embedded server keeps its files; null for another. */
    readonly folder: string | null;
    readonly note: string | null;
  };
  readonly tokenHours: number;
  /** Makes the first operator, once; null when there is one. */
  readonly operatorLink: string | null;
  readonly warnings: readonly string[];
  readonly seconds: number;
}

/** What `serve` says when it is up; `--json` prints it as it is. */
export interface Welcome extends WelcomeFacts {
  readonly curl: string | null;
  readonly supabase: string | null;
  readonly next: string;
}

export const EVALUATION_WARNING =
  "The embedded PostgreSQL is for evaluation only: it lags behind on security fixes and has no backup. Set DATABASE_URL for anything that matters.";

/** Pure but for looking which Node and which packages are at hand. */
export function makeWelcome(facts: WelcomeFacts): Welcome {
  const first = facts.tenants.find(({ token }) => token !== null);
  const target =
    first === undefined
      ? null
      : { tenantUrl: first.url, homeUrl: facts.url, token: first.token!, appDir: facts.appDir };
  const next =
    facts.tenantCount === 0 || target !== null
      ? `npx rowhouse tenant create umbrella --name "Umbrella Corp"`
      : `npx rowhouse token ${facts.tenants[0]!.slug} --role admin`;
  return {
    ...facts,
    curl: target === null ? null : curlLine(target),
    supabase: target === null || facts.appDir !== SALES_DIR ? null : supabaseLine(target),
    next,
  };
}

function listAddresses({ tenants, tenantCount, platformUrl }: Welcome): string {
  const lines: [string, string][] = tenants.map(({ slug, name, url }) => [slug, `${url}  ${name}`]);
  if (tenantCount > tenants.length)
    lines.push(["…", `and ${tenantCount - tenants.length} more: npx rowhouse tenant list`]);
  return formatFacts([...lines, ["platform", platformUrl]]);
}

const indent = (text: string) => text.replace(/^(?=.)/gm, "  ");

/** The block for people. Each line to paste stands alone, unwrapped. */
export function formatWelcome(out: Output, welcome: Welcome): string {
  const { database, tenants, curl, supabase, next, tokenHours, warnings, seconds } = welcome;
  const head = (text: string) => out.paint("bold", text);
  const where = database.embedded
    ? `its own PostgreSQL ${database.postgresql}`
    : `PostgreSQL ${database.postgresql} at ${database.address}`;
  const parts = [
    `${head(`Rowhouse ${welcome.version}`)} serves from ${where}, ready after ${seconds.toFixed(1)} s.`,
    indent(listAddresses(welcome)),
  ];
  const tokens = tenants
    .filter(({ token }) => token !== null)
    .map(({ slug, token }): [string, string] => [slug, token!]);
  if (tokens.length > 0)
    parts.push(`${head("Tokens")}, of role admin, for ${tokenHours} h:`, indent(formatFacts(tokens)));
  if (curl !== null) parts.push(`${head("Try")} with curl:`, indent(curl));
  if (supabase !== null) parts.push("or with supabase-js:", indent(supabase));
  if (welcome.operatorLink !== null)
    parts.push(
      `${head("First operator")} of the platform API, by a link that works once:`,
      indent(welcome.operatorLink),
    );
  parts.push(`${head("Next")}, in another terminal:`, indent(next));
  if (database.folder !== null)
    parts.push(
      indent(
        formatFacts([
          ["data", database.folder],
          ["stop", "Ctrl-C"],
        ]),
      ),
    );
  if (database.note !== null) parts.push(database.note);
  parts.push(...warnings.map((warning) => `${out.paint("yellow", "warning:")} ${warning}`));
  return `\n${parts.join("\n\n").replace(/:\n\n/g, ":\n")}\n`;
}
