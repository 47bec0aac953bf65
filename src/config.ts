import { readFileSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";

const list = z
  .string()
  .default("")
  .transform((text) => text.split(/[\s,]+/).filter((item) => item !== ""));
const count = (initial: number, max: number) => z.coerce.number().int().min(1).max(max).default(initial);
const flagOf = (initial: "on" | "off") =>
  z
    .enum(["on", "off", "true", "false"])
    .default(initial)
    .transform((value) => value === "on" || value === "true");
const flag = flagOf("off");
const hostName = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);

/** Every setting of the environment: name, meaning, default. `docs/reference/configuration.md` is checked against it. */
export const settings = z.object({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe("Owner's connection URL of the PostgreSQL server; without it the embedded one is started"),
  ROWHOUSE_DATA: z.string().min(1).default(".rowhouse").describe("Folder of the embedded database"),
  ROWHOUSE_SECRET: z
    .string()
    .min(16)
    .optional()
    .describe(
      "Secret that the passwords of the database roles are derived from; by default the password in DATABASE_URL",
    ),
  ROWHOUSE_APP: z.string().min(1).optional().describe("Folder of the app to serve, as by --app"),
  HOST: z.string().min(1).default("127.0.0.1").describe("Address to listen on"),
  PORT: z.coerce.number().int().min(0).max(65535).default(3000).describe("Port to listen on"),
  BASE_DOMAIN: hostName.default("localhost").describe("Tenants are served at <slug>.BASE_DOMAIN"),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Public address of BASE_DOMAIN, as printed in links; by default http://BASE_DOMAIN:PORT"),
  TRUSTED_PROXIES: list.describe("Addresses or CIDR ranges whose forwarded headers are believed"),
  OUTBOUND_ALLOWED: list.describe(
    "Services that identity providers' keys and webhooks may be sought at though their addresses are not public, and in plain HTTP: host:port, or addresses and CIDR ranges",
  ),
  CORS_ORIGINS: list.describe(
    "Origins allowed for every tenant, besides the tenant's own domains, or for one as acme=https://app.example.com; exact match",
  ),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("Least level that is logged"),
  TOKEN_AUDIENCE: z.string().min(1).default("rowhouse").describe("`aud` that a token must carry"),
  TOKEN_ISSUER: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      "`iss` of the tokens that this deployment signs; by default the origin of PUBLIC_URL, or http://BASE_DOMAIN",
    ),
  CONNECTION_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      "Database connections for requests, per process, of which one tenant never has all of four or more; by default one more than twice the cores of this machine, at least 5",
    ),
  DEDICATED_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(2)
    .max(10_000)
    .optional()
    .describe(
      "Database connections to all other databases together, per process; by default 4 times CONNECTION_POOL_SIZE",
    ),
  DEDICATED_IDLE_MS: count(60_000, 86_400_000).describe("How long an unused connection to another database stays open"),
  FENCE_WAIT_MS: count(10_000, 600_000).describe("Longest wait of a write for a tenant that is being moved"),
  CONNECTION_WAIT_MS: count(5000, 600_000).describe("Longest wait for a free connection"),
  STATEMENT_TIMEOUT_MS: count(8000, 600_000).describe("Longest run of one request's statement"),
  MAX_BODY_BYTES: count(1_048_576, 1_073_741_824).describe("Largest request body"),
  MAX_ROWS: count(1000, 1_000_000).describe("Most rows in one answer"),
  MAX_INSERT_ROWS: count(10_000, 1_000_000).describe("Most rows in one body"),
  MAX_URL_BYTES: count(65_536, 1_048_576).describe("Longest path and query of a request"),
  MAX_EMBEDS: count(12, 1000).describe("Most embeds in one request"),
  MAX_EMBED_DEPTH: count(4, 64).describe("Most levels of embeds within embeds"),
  MAX_SELECT_ITEMS: count(500, 10_000).describe(
    "Most columns and embeds that one request names, and most terms of its orders",
  ),
  MAX_FILTERS: count(200, 10_000).describe("Most filters in one request, those in logic trees included"),
  MAX_LOGIC_DEPTH: count(16, 64).describe("Most levels of and=(…) and or=(…) within each other"),
  MAX_LIST_ITEMS: count(2000, 100_000).describe("Most values of one in.(…) filter"),
  SOFT_DELETE: flagOf("on").describe(
    "Whether rows of tables that have a column deleted_at (timestamptz) are marked instead of deleted, and hidden once they are",
  ),
  AGGREGATES: flag.describe("Whether select=amount.sum() and its like are answered: on or off"),
  PLANS: flag.describe(
    "Whether plans are shown (Accept: application/vnd.pgrst.plan); they tell of other tenants' sizes",
  ),
  TX_END: z
    .enum(["commit", "commit-allow-override", "rollback", "rollback-allow-override"])
    .default("commit")
    .describe("How a request's transaction ends; with allow-override Prefer: tx= may say otherwise"),
  PRE_REQUEST: z
    .string()
    .regex(/^[^.]+\.[^.]+$/)
    .optional()
    .describe("Function schema.name that runs first in every request's transaction"),
  ROOT_SPEC: z
    .string()
    .regex(/^[^.]+\.[^.]+$/)
    .optional()
    .describe(
      "Function schema.name, of a served schema, that answers GET /rest/v1/ instead of the OpenAPI description",
    ),
  OPENAPI_MODE: z
    .enum(["follow-privileges", "ignore-privileges", "disabled"])
    .default("follow-privileges")
    .describe("What GET /rest/v1/ describes: what the asker's role may do, all that is served, or nothing"),
  OPENAPI_SECURITY: flag.describe("Whether the description at /rest/v1/ says that a token is wanted: on or off"),
  LEGACY_TARGET_NAMES: flagOf("on").describe(
    "Whether filters, orders and limits may call an embed that has an alias by its relation's name, with a warning",
  ),
  ERROR_VERBOSITY: z
    .enum(["verbose", "minimal"])
    .default("verbose")
    .describe("Whether refusals of the data API tell details and a hint, or their code and message alone"),
  SERVER_TIMING: flagOf("on").describe(
    "Whether answers of the data API tell how long each stage took, in the Server-Timing header",
  ),
  PREPARED_STATEMENTS: flagOf("on").describe(
    "Whether statements are prepared by name; off for a pooler that gives each transaction another connection and does not follow them",
  ),
  COUNT_LIMIT: count(100_000, 1_000_000_000).describe("count=planned and count=estimated count no further"),
  SHUTDOWN_TIMEOUT_MS: count(25_000, 600_000).describe("Longest wait for running requests at shutdown"),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .optional()
    .describe(
      "Mail server, as smtp://user:password@mail.example.com:587 or smtps://…; without it e-mails wait in the outbox, and `rowhouse mail` shows them",
    ),
  MAIL_FROM: z
    .string()
    .min(3)
    .max(300)
    .regex(/^[^\r\n]*$/)
    .optional()
    .describe("Sender of e-mails, as `Example <no-reply@example.com>`; by default no-reply@BASE_DOMAIN"),
  WEBHOOK_DAYS: count(30, 3650).describe("Days after which webhooks' events and deliveries are removed"),
  ARCHIVE_PASSPHRASE: z
    .string()
    .min(1)
    .optional()
    .describe("Opens archives that are encrypted with a passphrase, and with `export --passphrase` encrypts them"),
  NO_COLOR: z.string().optional().describe("Any value turns colour off (no-color.org)"),
});

export type Settings = z.infer<typeof settings>;

/** The settings, with paths made absolute and what follows from them worked out. */
export interface Config extends Settings {
  /** More backends than cores push each other out of the processor's caches: with 10 on 2 cores PostgreSQL took 108 µs for a read by key, with 4 it took 69. */
  readonly CONNECTION_POOL_SIZE: number;
  readonly DEDICATED_CONNECTIONS: number;
  readonly dataDir: string;
  readonly appDir: string | null;
  readonly publicUrl: URL;
  /** TOKEN_ISSUER or its default: without the port, so that the command and a server on another port agree. */
  readonly issuer: string;
}

/** Names each bad setting and what is wrong with it; never shows its value. The command reports it as `configInvalid`. */
export class SettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(`Bad settings: ${problems.join("; ")}`);
    this.name = "SettingsError";
  }
}

/** `NAME_FILE` holds the path of a file with the value, as Docker and Kubernetes mount secrets. */
function withFiles(env: Record<string, string | undefined>): Record<string, string | undefined> {
  const merged = { ...env };
  for (const name of Object.keys(settings.shape)) {
    const path = env[`${name}_FILE`];
    if (path !== undefined && env[name] === undefined) merged[name] = readFileSync(path, "utf8").trimEnd();
    if (merged[name] === "") delete merged[name];
  }
  return merged;
}

/**
 * Reads the settings from the environment. The only place that touches `process.env`.
 * @param overrides values that win over the environment, as from command options
 * @throws SettingsError
 */
export function readConfig(overrides: Partial<Record<keyof Settings, string>> = {}, env = process.env): Config {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const parsed = settings.safeParse({ ...withFiles(env), ...given });
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new SettingsError(problems);
  }
  const values = parsed.data;
  // One more than a busy tenant has use for: that one is for whoever comes meanwhile (db/fair-share.ts).
  const poolSize = values.CONNECTION_POOL_SIZE ?? 1 + Math.max(4, 2 * availableParallelism());
  return {
    ...values,
    CONNECTION_POOL_SIZE: poolSize,
    DEDICATED_CONNECTIONS: values.DEDICATED_CONNECTIONS ?? 4 * poolSize,
    dataDir: resolve(values.ROWHOUSE_DATA.replace(/^~(?=\/)/, homedir())),
    appDir: values.ROWHOUSE_APP === undefined ? null : resolve(values.ROWHOUSE_APP),
    publicUrl: new URL(values.PUBLIC_URL ?? `http://${values.BASE_DOMAIN}:${values.PORT}`),
    issuer:
      values.TOKEN_ISSUER ??
      (values.PUBLIC_URL === undefined ? `http://${values.BASE_DOMAIN}` : new URL(values.PUBLIC_URL).origin),
  };
}

/**
 * A secret that is named and not written down: `env:NAME` or `file:/path`.
 * @throws SettingsError when there is none, or the reference is malformed
 */
export function readSecret(reference: string, env = process.env): string {
  const value = reference.startsWith("env:") ? env[reference.slice(4)] : readSecretFile(reference);
  if (value === undefined || value.trim() === "") throw new SettingsError([`${reference}: there is nothing`]);
  return value.trim();
}

function readSecretFile(reference: string): string {
  if (!reference.startsWith("file:/")) throw new SettingsError([`${reference}: write env:NAME or file:/path`]);
  try {
    return readFileSync(reference.slice("file:".length), "utf8");
  } catch (error) {
    throw new SettingsError([`${reference}: ${(error as Error).message}`]);
  }
}

/** Whether talk on stderr may be coloured. */
export function mayColor(stream: { isTTY?: boolean }, env = process.env): boolean {
  return stream.isTTY === true && env["NO_COLOR"] === undefined && env["TERM"] !== "dumb";
}

/** Whether npm started us, by `npm start` or `npx`: then a shell stands between, which passes no signal on. */
export function startedByNpm(env = process.env): boolean {
  return env["npm_command"] !== undefined;
}

/** Folder of the package: the checkout, or where npm put it. src/ and dist/ both lie right in it. */
export const PACKAGE_DIR = resolve(import.meta.dirname, "..");

/** Version of this Rowhouse, as its package says. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_DIR, "package.json"), "utf8")) as { version: string };
  return version;
}
