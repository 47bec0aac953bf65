import { loadCatalog } from "../../src/catalog/introspect.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import type { Scope } from "../../src/db/scope.ts";
import type { Statement } from "../../src/db/statement.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { answerRest, type RestAnswer } from "../../src/rest/answer.ts";
import { restError, type RestErrorBody } from "../../src/rest/errors.ts";
import type { TestDatabase } from "../harness.ts";
import { LIMITS, request, servedOf, SETTINGS, type Said } from "./fixture.ts";

export interface Served {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed, unless it is CSV. */
  readonly json: unknown;
  readonly text: string | null;
  readonly statement: Statement | undefined;
}

export interface Client {
  readonly tenantId: string;
  readonly scope: Scope;
  /** Answers as HTTP would, refusals included. */
  (method: string, url: string, said?: Said): Promise<Served>;
}

export function readCatalog(db: TestDatabase, schema = "app"): Promise<Catalog> {
  const query = async (text: string, values: string[]) =>
    (await db.admin.query<Record<string, unknown>>(text, values)).rows;
  return loadCatalog(query, { schema, role: "rowhouse_api" });
}

/** Speaks the dialect to the database as one tenant. */
export async function client(
  db: TestDatabase,
  slug: string,
  catalog: Catalog,
  limits: Partial<typeof LIMITS> = {},
  settings: Partial<typeof SETTINGS> = {},
): Promise<Client> {
  const scope = await db.scope(slug);
  const speak = async (method: string, url: string, said: Said = {}): Promise<Served> => {
    let statement: Statement | undefined;
    const context = {
      served: servedOf(catalog),
      settings: { ...SETTINGS, ...settings },
      tenantId: scope.tenantId,
      limits: { ...LIMITS, ...limits },
      basePath: "/rest/v1",
      explicitTenant: said.explicitTenant,
      run: (access: "read" | "write", statements: readonly Statement[]) => {
        [statement] = statements;
        return runScoped(db.api, scope, access, statements);
      },
    };
    const answer: RestAnswer = await answerRest(request(url, { ...said, method }), context).catch((error: unknown) => {
      const { status, headers, body } = restError(error, scope.tenantId);
      return { status, headers, body: JSON.stringify(body) };
    });
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(answer.headers)) headers[name] = String(value);
    const text = answer.body === null ? null : answer.body.toString();
    const isJson = /^[^;]*json/.test(headers["content-type"] ?? "") && text !== null && text !== "";
    return { ...answer, headers, text, json: isJson ? JSON.parse(text) : null, statement };
  };
  return Object.assign(speak, { tenantId: scope.tenantId, scope });
}

export function codeOf({ json }: Served): string {
  return (json as RestErrorBody).code;
}
