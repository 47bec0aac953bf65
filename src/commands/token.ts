import type { Command } from "commander";
import { openKeyset } from "../auth/keyset.ts";
import { mintToken } from "../auth/token.ts";
import type { Config } from "../config.ts";
import type { ConnectionPool } from "../db/connections.ts";
import { findTenant } from "../tenant/change.ts";
import { act, addExamples } from "./action.ts";
import { parseDuration } from "./duration.ts";
import type { Output } from "./output.ts";
import { openSession } from "./session.ts";

interface TokenOptions {
  readonly role: string;
  readonly sub: string;
  readonly ttl: string;
}

export interface WantedToken {
  readonly tenantId: string;
  readonly role: string;
  readonly sub: string;
  readonly ttlSeconds: number;
}

/** Signs a token as the settings want it. @param platform connections of rowhouse_platform */
export function signToken(config: Config, platform: ConnectionPool, wanted: WantedToken): Promise<string> {
  return mintToken(openKeyset(platform), { issuer: config.issuer, audience: config.TOKEN_AUDIENCE }, wanted);
}

async function token(out: Output, { role, sub, ttl }: TokenOptions, slug: string): Promise<void> {
  const ttlSeconds = parseDuration("--ttl", ttl);
  await using session = await openSession("token");
  const tenant = await findTenant(session.platform, slug);
  const text = await signToken(session.config, session.platform, { tenantId: tenant.id, role, sub, ttlSeconds });
  const expiresAt = new Date(Date.now() + ttlSeconds * 1000).toISOString();
  if (tenant.status !== "active")
    out.warn(`${slug} is ${tenant.status}: its requests are refused whatever token they carry.`);
  out.answer({ token: text, tenant: slug, tenantId: tenant.id, role, sub, expiresAt }, text);
}

export function registerToken(program: Command): void {
  const command = program
    .command("token <slug>")
    .description("sign a token for a tenant and print it alone on stdout")
    .option("--role <name>", "membership role: a built-in one, or one of the tenant's own", "admin")
    .option("--sub <principal>", "who it is for: a user's id, or service:<name>", "service:operator")
    .option("--ttl <duration>", "how long it lives: 90s, 30m, 24h, 7d", "1h")
    .action(act<TokenOptions, [string]>(token));
  addExamples(command, [
    ["rowhouse token acme --ttl 24h", "for a day, with the membership role admin, which may read and write everything"],
    ["rowhouse token acme --role viewer", "for one who only reads"],
    [
      'curl -H "Authorization: Bearer $(rowhouse token acme)" http://acme.localhost:3000/rest/v1/customers?limit=3',
      "straight into a request",
    ],
  ]);
}
