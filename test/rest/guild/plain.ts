import { readFile } from "node:fs/promises";
import type { DbClient } from "../../../src/db/connections.ts";
import type { Statement, StatementResult } from "../../../src/db/statement.ts";
import { migrate } from "../../../src/db/migrate.ts";
import {
  answerRest,
  type RestAnswer,
  type RestContext,
  type RestRequest,
  type RestSettings,
} from "../../../src/rest/answer.ts";
import { restError } from "../../../src/rest/errors.ts";
import type { Served } from "../../../src/catalog/catalog.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { readServed } from "../caller.ts";
import { everythingOf, LIMITS as FIXTURE_LIMITS, SETTINGS } from "../fixture.ts";
import type { GuildRequest } from "./requests.ts";

/** What an answer is compared by. */
export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface Side {
  readonly db: TestDatabase;
  /** Whatever it changes is taken back. */
  readonly ask: (request: GuildRequest) => Promise<Told>;
  /** For good. */
  readonly change: (request: GuildRequest) => Promise<Told>;
  readonly close: () => Promise<void>;
}

/** Those of the server. */
const LIMITS = { ...FIXTURE_LIMITS, maxInsertRows: 10_000 };

/** Everything is text on the wire, and stays it. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

/** In a transaction of its own, without anybody's context: no tenant, no settings but those of the request. */
async function run(
  client: DbClient,
  access: "read" | "write",
  statements: readonly Statement[],
): Promise<StatementResult[]> {
  const results: StatementResult[] = [];
  await client.query(access === "read" ? "begin read only" : "begin");
  try {
    for (const { text, values } of statements) {
      if (text === "rollback") break;
      const { rows, rowCount } = await client.query<(string | null)[]>({
        text,
        values: [...values],
        rowMode: "array",
        types: AS_TEXT,
      });
      results.push({ rows: rows as never, rowCount: rowCount ?? 0 });
    }
    await client.query(statements.at(-1)?.text === "rollback" ? "rollback" : "commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
  return results;
}

export const lower = (headers: RestAnswer["headers"]): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));

/** As the server reads it: an empty body is none, and a slash at the end is a name more. */
function toRequest({ method, path, headers, body }: GuildRequest): RestRequest {
  const at = path.indexOf("?");
  const names = (at < 0 ? path : path.slice(0, at)).slice(1).split("/").map(decodeURIComponent);
  const query = at < 0 ? "" : path.slice(at + 1);
  return { method, path: names, query, headers, body: body ? Buffer.from(body) : null };
}

async function answer(said: GuildRequest, context: RestContext): Promise<Told> {
  const { status, headers, body } = await answerRest(toRequest(said), context).catch((error: unknown): RestAnswer => {
    const refused = restError(error);
    return { status: refused.status, headers: refused.headers, body: JSON.stringify(refused.body) };
  });
  const isSilent = said.method === "HEAD" || status === 204;
  return { status, headers: lower(headers), text: isSilent ? "" : (body?.toString() ?? "") };
}

async function onlyGuild(db: TestDatabase): Promise<Served> {
  const served = await readServed(db);
  return { ...served, catalogs: new Map([...served.catalogs].filter(([name]) => name === "guild")) };
}

/** The guild as it is: one tenant's, with no law over its tables; and the dialect spoken to it in this process. */
export async function plainGuild(): Promise<Side> {
  const db = await testDatabase("empty");
  for (const name of ["schema", "data"])
    await db.admin.query(await readFile(new URL(`${name}.sql`, import.meta.url), "utf8"));
  await migrate(db.database, { appDir: null });
  await db.admin.query(`insert into platform.schemas (name) values ('guild');
    grant usage on schema guild to rowhouse_api;
    grant select, insert, update, delete on all tables in schema guild to rowhouse_api;
    grant usage on all sequences in schema guild to rowhouse_api;
    grant execute on all functions in schema guild to rowhouse_api`);
  const client = await db.database.connect("rowhouse_api");
  await client.query("set idle_in_transaction_session_timeout = 0"); // a test may stand still
  // Where the law puts the schemas that are served; it says so when it is laid down, which here it never is.
  const { rows } = await db.admin.query<{ path: string }>("select platform.api_search_path() as path");
  await client.query(`set search_path to ${rows[0]!.path}`);
  const served = await onlyGuild(db);
  // Without tenants there are no roles either.
  const everything = { rows: [[everythingOf(served.catalogs.get("guild")!)]], rowCount: 1 };
  const context: RestContext = {
    served,
    settings: SETTINGS,
    tenantId: "00000000-0000-0000-0000-000000000000",
    limits: LIMITS,
    basePath: "/rest/v1",
    run: (access, statements) =>
      statements[0]?.name === "rowhouse_allowed" ? Promise.resolve([everything]) : run(client, access, statements),
  };
  const close = async () => {
    await client.end();
    await db.close();
  };
  const asker = (txEnd: RestSettings["txEnd"]) => {
    const settings = { ...SETTINGS, aggregates: true, txEnd };
    return (said: GuildRequest) => answer(said, { ...context, settings });
  };
  return { db, ask: asker("rollback"), change: asker("commit"), close };
}
