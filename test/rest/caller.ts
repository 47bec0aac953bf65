import type { Served } from "../../src/catalog/catalog.ts";
import { loadServed } from "../../src/catalog/introspect.ts";
import type { Statement } from "../../src/db/statement.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { answerRest, type RestAnswer, type RestSettings } from "../../src/rest/answer.ts";
import { restError } from "../../src/rest/errors.ts";
import type { TestDatabase } from "../harness.ts";
import { LIMITS, request, SETTINGS, type Said } from "./fixture.ts";

/** An answer, and what the database was asked for it after the tenant's context. */
export interface Answered extends RestAnswer {
  readonly json: unknown;
  readonly text: string;
  readonly asked: readonly Statement[];
}

export type Caller = (method: string, url: string, said?: Said) => Promise<Answered>;

/** Everything that the database serves, as the server finds it. */
export function readServed(db: TestDatabase): Promise<Served> {
  const query = async (text: string, values: string[]) =>
    (await db.admin.query<Record<string, unknown>>(text, values)).rows;
  return loadServed(query, { role: "rowhouse_api" });
}

/** Speaks the dialect to the database as one tenant, with whatever the server is set to. */
export async function caller(
  db: TestDatabase,
  slug: string,
  served: Served,
  settings: Partial<RestSettings> = {},
  limits: Partial<typeof LIMITS> = {},
): Promise<Caller> {
  const scope = await db.scope(slug);
  return async (method, url, said = {}) => {
    let asked: readonly Statement[] = [];
    const context = {
      served,
      settings: { ...SETTINGS, ...settings },
      tenantId: scope.tenantId,
      claims: { sub: "someone", role: "admin" },
      limits: { ...LIMITS, ...limits },
      basePath: "/rest/v1",
      run: (access: "read" | "write", statements: readonly Statement[]) => {
        asked = statements;
        return runScoped(db.api, scope, access, statements);
      },
    };
    const answer = await answerRest(request(url, { ...said, method }), context).catch((error: unknown): RestAnswer => {
      const { status, headers, body } = restError(error);
      return { status, headers, body: JSON.stringify(body) };
    });
    const text = answer.body?.toString() ?? "";
    const isJson = String(answer.headers["content-type"]).includes("json") && text !== "";
    return { ...answer, text, json: isJson ? JSON.parse(text) : null, asked };
  };
}
