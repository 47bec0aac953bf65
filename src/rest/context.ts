import type { Served } from "../catalog/catalog.ts";
import type { Statement, StatementResult } from "../db/statement.ts";
import type { Clock } from "./clock.ts";
import type { WriterOptions } from "./statement/writer.ts";

export interface RestLimits {
  /** Rows of one answer, and of one embed in it. */
  readonly maxRows: number;
  /** Rows of one body. */
  readonly maxInsertRows: number;
  readonly maxEmbeds: number;
  /** Embeds within embeds. */
  readonly maxDepth: number;
  /** Path and query, in bytes as they were sent. */
  readonly maxUrlBytes: number;
  /** Columns and embeds at all levels; and terms of orders. */
  readonly maxSelectItems: number;
  /** At all levels, members of logic trees included. */
  readonly maxFilters: number;
  readonly maxLogicDepth: number;
  /** Values of one `in`. */
  readonly maxListItems: number;
}

/** What the root answers: `db-root-spec`, `openapi-mode` and `openapi-security-active` of PostgREST's configuration. */
export interface RootSettings {
  /** Function `schema.name` that answers in the description's place. */
  readonly spec: string | null;
  readonly mode: "follow-privileges" | "ignore-privileges" | "disabled";
  /** Whether the description says that a token is wanted. */
  readonly tellsSecurity: boolean;
}

/** How the dialect is set up: what PostgREST calls its configuration. */
export interface RestSettings {
  /** Whether `select=amount.sum()` is answered. */
  readonly aggregates: boolean;
  /** Whether plans are shown; they tell of all tenants' sizes. */
  readonly plans: boolean;
  /** How a transaction ends, and whether `Prefer: tx=` may say otherwise. */
  readonly txEnd: "commit" | "commit-allow-override" | "rollback" | "rollback-allow-override";
  /** Function `schema.name` that runs first in every request's transaction. */
  readonly preRequest: string | null;
  readonly root: RootSettings;
  /** `count=planned` and `estimated` count no further than this. */
  readonly countLimit: number;
  /** Whether an embed that has an alias may be spoken of by its relation's name as well. */
  readonly legacyTargetNames: boolean;
  /** Whether rows of tables with `deleted_at` are marked instead of deleted. */
  readonly softDelete: boolean;
}

export interface RestContext {
  readonly served: Served;
  readonly settings: RestSettings;
  readonly tenantId: string;
  /** Of the verified token, for functions of the app that ask for `request.jwt.claims`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly limits: RestLimits;
  /** Runs in the tenant's context, in one round trip and one transaction. */
  readonly run: (access: "read" | "write", statements: readonly Statement[]) => Promise<StatementResult[]>;
  /** False only in the test which proves that row-level security alone decides. */
  readonly explicitTenant?: boolean;
  /** `/rest/v1`, for `Location`. */
  readonly basePath: string;
  /** Told how long each stage took, when somebody wants to know. */
  readonly clock?: Clock | undefined;
}

/** Whose rows generated SQL names. */
export function writerOptions({ tenantId, explicitTenant }: RestContext): WriterOptions {
  return { tenantId, isExplicit: explicitTenant !== false };
}

/** Whether `Prefer: tx=` may say how a transaction ends. */
export function allowsTx({ txEnd }: RestSettings): boolean {
  return txEnd.endsWith("-allow-override");
}
