import type { Command } from "commander";
import { publicKey } from "../../auth/api-key.ts";
import { listKeys, type ApiKey } from "../../auth/api-keys.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

/** Pure. */
function stateOf({ revokedAt, expiresAt }: ApiKey, now = Date.now()): string {
  if (revokedAt !== null) return "revoked";
  if (expiresAt === null) return "active";
  const at = `${new Date(expiresAt).toISOString().slice(0, 16)}Z`;
  return Date.parse(expiresAt) <= now ? `expired ${at}` : `until ${at}`;
}

const rightsOf = ({ role, scopes }: ApiKey) =>
  role ??
  Object.entries(scopes ?? {})
    .map(([table, verbs]) => `${table}=${verbs.join(",")}`)
    .join(" ");

async function list(out: Output, _options: unknown, slug: string): Promise<void> {
  await using session = await openSession("key list");
  await using place = await openTenantDesk(session, slug);
  const keys = await listKeys(place.desk, place.actor);
  const rows = keys.map((key) => [
    key.prefix,
    key.name,
    rightsOf(key),
    stateOf(key),
    key.lastUsedAt?.slice(0, 16) ?? "never",
  ]);
  const anybodys = publicKey(place.tenant.id);
  out.answer(
    { public: anybodys, keys },
    keys.length === 0 ? "" : formatTable(["KEY", "NAME", "MAY", "STATE", "LAST USED"], rows),
  );
  out.talk(`Front ends send this key, which is no secret: ${anybodys}`);
}

export function registerKeyList(group: Command): void {
  const command = group
    .command("list <tenant>")
    .alias("ls")
    .description("API keys of a tenant, without what is secret, and the public key of its front ends")
    .action(act<unknown, [string]>(list));
  addExamples(command, [["rowhouse key list acme", "what each may do, and when it was used last"]]);
}
