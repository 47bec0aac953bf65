import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { createTenantIn } from "../../tenant/create-elsewhere.ts";
import { createTenant } from "../../tenant/create.ts";
import { HOME } from "../../tenant/databases.ts";
import { addDomain, checkDomain, type Domain } from "../../tenant/domains.ts";
import { originUnder } from "../../tenant/origin.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession, type Session } from "../session.ts";

interface CreateOptions {
  readonly name?: string;
  readonly adminEmail?: string;
  readonly domain?: string;
  readonly ifNotExists?: boolean;
  readonly database?: string;
}

/** A domain may turn out to be another tenant's after ours was made: then the error has to say that ours is there. */
async function claimDomain(session: Session, slug: string, domain: string): Promise<Domain> {
  const { platform, config, actor } = session;
  return addDomain(platform, slug, domain, config.BASE_DOMAIN, actor).catch((error: unknown) => {
    if (!(error instanceof RowhouseError)) throw error;
    const { kind, message, hint } = error;
    throw new RowhouseError(kind, {
      message,
      details: `The tenant ${slug} was made; its domain was not.`,
      hint: hint ?? undefined,
      cause: error,
    });
  });
}

async function create(out: Output, options: CreateOptions, slug: string): Promise<void> {
  await using session = await openSession("tenant create");
  const { name = slug, adminEmail, domain, ifNotExists } = options;
  if (domain !== undefined) checkDomain(domain, session.config.BASE_DOMAIN);
  const wanted = { slug, name, adminEmail, ifNotExists };
  const { tenant, created } =
    options.database === undefined || options.database === HOME
      ? await createTenant(session.platform, session.database.keyring, wanted, session.actor)
      : await createTenantIn(session, options.database, wanted, session.actor);
  const url = originUnder(session.config, tenant.slug);
  const claimed = domain === undefined ? null : await claimDomain(session, tenant.slug, domain);
  out.answer({ ...tenant, url, created, domain: claimed }, `${tenant.slug}  ${url}`);
  out.talk(
    created
      ? `Created ${tenant.name}. Next: rowhouse token ${tenant.slug} --role admin`
      : `${tenant.slug} exists; it was left as it is.`,
  );
  if (claimed?.record != null)
    out.talk(
      `DNS: set ${claimed.record.type} ${claimed.record.name} to ${claimed.record.value}, then: rowhouse domain verify ${tenant.slug} ${claimed.name}`,
    );
}

export function registerCreate(group: Command): void {
  const command = group
    .command("create <slug>")
    .description("make a tenant, its address, its settings and its first user, all or nothing")
    .option("--name <name>", "name for people (default: the slug)")
    .option("--admin-email <address>", "first user, with the membership role owner")
    .option("--domain <name>", "custom domain to claim; prints the DNS record to set")
    .option("--database <name>", "the database that it lives in, of `rowhouse database list` (default: shared)")
    .option("--if-not-exists", "take a tenant of this slug as it is")
    .action(act<CreateOptions, [string]>(create));
  addExamples(command, [
    [
      "rowhouse tenant create acme --name 'Acme Corp' --admin-email ann@acme.example",
      "served at http://acme.localhost:3000",
    ],
    ["rowhouse tenant create helmex --database big1", "in a database of its own from the start"],
    ["rowhouse tenant create acme --if-not-exists --json", "for scripts that run more than once"],
  ]);
}
