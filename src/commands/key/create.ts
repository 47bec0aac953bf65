import type { Command } from "commander";
import { createKey, parseScopes, type KeyRights } from "../../auth/api-keys.ts";
import { RowhouseError } from "../../errors.ts";
import { act, addExamples } from "../action.ts";
import { parseDuration } from "../duration.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

interface CreateOptions {
  readonly name: string;
  readonly role?: string;
  readonly scope?: readonly string[];
  readonly ttl?: string;
}

/** @throws RowhouseError usage */
function rightsOf({ role, scope = [] }: CreateOptions): KeyRights {
  if ((role === undefined) === (scope.length === 0)) {
    throw new RowhouseError("usage", {
      message: "A key has either a --role or a --scope",
      hint: "As in: --scope customers=select,insert --scope 'orders=*', or --role viewer",
    });
  }
  return role === undefined ? { scopes: parseScopes(scope) } : { role };
}

async function create(out: Output, options: CreateOptions, slug: string): Promise<void> {
  const rights = rightsOf(options);
  const ttlSeconds = options.ttl === undefined ? undefined : parseDuration("--ttl", options.ttl);
  await using session = await openSession("key create");
  await using place = await openTenantDesk(session, slug);
  const wanted = { name: options.name, rights, ...(ttlSeconds !== undefined && { ttlSeconds }) };
  const made = await createKey(place.desk, place.actor, place.tenant.id, wanted);
  out.answer(made, made.key);
  out.talk(`Shown once. It is known by ${made.prefix} from now on.`);
}

export function registerKeyCreate(group: Command): void {
  const command = group
    .command("create <tenant>")
    .description("make an API key and print it alone on stdout, once")
    .requiredOption("--name <text>", "what it is for")
    .option("--role <name>", "what a member of this role may do")
    .option(
      "--scope <table=verbs...>",
      "or the verbs of single tables: customers=select,insert; * stands for every table or verb",
    )
    .option("--ttl <duration>", "when it expires: 24h, 90d (default: never)")
    .action(act<CreateOptions, [string]>(create));
  addExamples(command, [
    ["rowhouse key create acme --name till --scope customers=select invoices=select,insert", "as little as it needs"],
    ["rowhouse key create acme --name report --role viewer --ttl 90d", "what a viewer may do, for 90 days"],
  ]);
}
