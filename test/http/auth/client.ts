import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { publicKey } from "../../../src/auth/api-key.ts";
import { openDesk, type Desk } from "../../../src/auth/desk.ts";
import { addMember } from "../../../src/auth/members.ts";
import type { TestDatabase } from "../../harness.ts";
import { send, type TestServer } from "../server.ts";

/** The fetch of supabase-js, sent to the server's port, since names under localhost are not known everywhere. */
export function fetchFrom(server: Pick<TestServer, "port">): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const body = request.body === null ? undefined : await request.text();
    const headers = Object.fromEntries(request.headers);
    const answer = await send(server.port, url.host, url.pathname + url.search, {
      method: request.method,
      headers,
      body,
    });
    const isEmpty = answer.status === 204 || answer.status === 304;
    return new Response(isEmpty ? null : answer.text, {
      status: answer.status,
      headers: answer.headers as Record<string, string>,
    });
  };
}

export type Supabase = SupabaseClient<never>;

/** The real client, as a front end makes it, with nothing of ours in it but the way to the port. */
export function supabase(
  server: Pick<TestServer, "port">,
  tenant: Tenant,
  key = publicKey(tenant.id),
  host = `${tenant.slug}.localhost`,
): Supabase {
  return createClient<never>(`http://${host}:${server.port}`, key, {
    auth: { autoRefreshToken: false, persistSession: false },
    global: { fetch: fetchFrom(server) },
  });
}

/** The control plane at work in a tenant, as the command is. */
export async function deskOf(db: TestDatabase, slug: string): Promise<Desk> {
  const tenant = await db.tenant(slug);
  return openDesk(
    { reach: (place, _access, work) => work(db.platform, place.epoch), keyring: db.database.keyring },
    tenant,
  );
}

export const OPERATOR = { principal: "operator:test", role: "owner" };
export const PASSWORD = "a long walk by the sea";

export async function addUser(db: TestDatabase, slug: string, email: string, role = "member") {
  return addMember(await deskOf(db, slug), OPERATOR, { email, role, profile: { custom: {} } }, PASSWORD);
}

/** The link of the newest mail to somebody: its token and its type. */
export async function lastLink(
  db: TestDatabase,
  to: string,
): Promise<{ token: string; type: string; url: URL; kind: string }> {
  const { rows } = await db.admin.query<{ text: string; kind: string }>(
    "select text, kind from platform.outbox where to_address = $1 order by created_at desc limit 1",
    [to],
  );
  const url = new URL(/https?:\S+/.exec(rows[0]!.text)![0]);
  return { token: url.searchParams.get("token")!, type: url.searchParams.get("type")!, url, kind: rows[0]!.kind };
}

type Answer = { readonly data: unknown; readonly error: Error | null };

/** What the client got; throws what it was refused with. */
export function taken<A extends Answer>({ data, error }: A): Extract<A, { error: null }>["data"] {
  if (error !== null) throw error;
  return data as Extract<A, { error: null }>["data"];
}
