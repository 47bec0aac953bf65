import type { Command } from "commander";
import { findTenant } from "../../tenant/change.ts";
import { listIssuers } from "../../tenant/issuers.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

async function list(out: Output, _options: unknown, slug: string): Promise<void> {
  await using session = await openSession("issuer list");
  const { id: tenantId } = await findTenant(session.platform, slug);
  const issuers = await listIssuers(session.platform, tenantId);
  const rows = issuers.map(({ id, issuer, audience, kind, users, isActive }) => [
    issuer,
    audience,
    kind,
    users,
    isActive ? "active" : "not active",
    id,
  ]);
  const text = formatTable(["ISSUER", "AUDIENCE", "KIND", "USERS", "STATE", "ID"], rows);
  out.answer(issuers, issuers.length === 0 ? "" : text);
  if (issuers.length === 0) out.talk("No issuers: only this deployment signs tokens for the tenant.");
}

export function registerIssuerList(group: Command): void {
  const command = group
    .command("list <tenant>")
    .alias("ls")
    .description("who signs tokens for a tenant besides this deployment")
    .action(act<unknown, [string]>(list));
  addExamples(command, [["rowhouse issuer list acme", "secrets are not among it"]]);
}
