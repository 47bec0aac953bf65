import { join } from "node:path";
import type { Config } from "../../../src/config.ts";
import { migrate } from "../../../src/db/migrate.ts";
import { createTenant } from "../../../src/tenant/create.ts";
import { singleTenant } from "../../adopt/adopted.ts";
import { testServer, type TestServer } from "../../http/server.ts";
import type { Side } from "./plain.ts";
import { settleTwin } from "./twin.ts";

/** Of the connection, of the time, and of the server's own protection: nothing that the dialect says. */
const OF_TRANSPORT = new Set([
  "date",
  "server-timing",
  "x-request-id",
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
  "vary",
  "cache-control",
  "x-content-type-options",
  "referrer-policy",
  "content-security-policy",
]);

export interface AdoptedGuild extends Side {
  readonly server: TestServer;
  /** Of acme. */
  readonly token: string;
}

/** The guild put through `rowhouse adopt` for tenant acme, with globex beside it; spoken to over HTTP with a token of acme. */
export async function adoptedGuild(settings: Partial<Config> = {}): Promise<AdoptedGuild> {
  const single = await singleTenant(join(import.meta.dirname, "schema.sql"), join(import.meta.dirname, "data.sql"));
  const { db, appDir } = single;
  await migrate(db.database, { appDir: null });
  for (const slug of ["acme", "globex"]) {
    const tenant = { slug, name: slug, adminEmail: `admin@${slug}.example` };
    await createTenant(db.platform, db.database.keyring, tenant, "test");
  }
  await single.must("adopt", "--schema", "guild", "--tenant", "acme", "--out", join(appDir, "migrations"));
  await migrate(db.database, { appDir });
  await db.admin.query("update platform.schemas set served = name = 'guild'");
  await settleTwin(db);
  const serve = (more: Partial<Config>) =>
    testServer(db, {
      settings: { AGGREGATES: true, SOFT_DELETE: false, appDir, ...settings, ...more },
    });
  const server = await serve({});
  const passing = await serve({ TX_END: "rollback" });
  const token = await server.token("acme");
  const close = async () => {
    for (const each of [server, passing]) await each.close();
    await single.close();
  };
  return { db, server, token, ask: asker(passing, token), change: asker(server, token), close };
}

function asker(server: TestServer, token: string): Side["ask"] {
  return async ({ method, path, headers, body }) => {
    const said = { method, token, headers, body: body ?? undefined };
    const answer = await server.request("acme.localhost", `/rest/v1${path}`, said);
    const told = Object.entries(answer.headers).filter(([name]) => !OF_TRANSPORT.has(name));
    return {
      status: answer.status,
      headers: Object.fromEntries(told.map(([name, value]) => [name, String(value)])),
      text: answer.text,
    };
  };
}
