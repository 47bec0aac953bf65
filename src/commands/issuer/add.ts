import { Option, type Command } from "commander";
import { changeIssuer, registerIssuer } from "../../auth/register-issuer.ts";
import { RowhouseError } from "../../errors.ts";
import { findTenant } from "../../tenant/change.ts";
import type { Issuer, IssuerRules, IssuerUsers } from "../../tenant/issuers.ts";
import { act, addExamples } from "../action.ts";
import { formatFacts, type Output } from "../output.ts";
import { collect } from "../repeated-option.ts";
import { openSession } from "../session.ts";
import { registrarOf } from "./registrar.ts";

interface RuleOptions {
  readonly audience?: string;
  readonly jwksUrl?: string;
  readonly roleClaim?: string;
  readonly role?: readonly string[];
  readonly defaultRole?: string;
  readonly allowOwner?: boolean;
  readonly users?: IssuerUsers;
  readonly active?: boolean;
}

interface AddOptions extends RuleOptions {
  readonly audience: string;
  readonly secret?: boolean;
}

/** `<value>=<role>`: values of directories may have an equals sign of their own, roles have none. */
function parseRole(text: string): [string, string] {
  const at = text.lastIndexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new RowhouseError("usage", { message: `--role ${text}: write <value of the claim>=<membership role>` });
}

/** Pure. @throws RowhouseError usage */
function rulesOf(options: RuleOptions): Partial<IssuerRules> {
  const { audience, jwksUrl, roleClaim, role, defaultRole, allowOwner: allowsOwner, users, active: isActive } = options;
  const roles = role === undefined ? undefined : Object.fromEntries(role.map(parseRole));
  const all = { audience, jwksUrl, roleClaim, roles, defaultRole, allowsOwner, users, isActive };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Facts of an issuer for people, one a line, with its id and without its secret. Pure. */
function describeIssuer(issuer: Issuer): string {
  const { id, kind, jwksUrl, audience, roleClaim, roles, defaultRole, allowsOwner, users, isActive } = issuer;
  return formatFacts([
    ["issuer", issuer.issuer],
    ["id", id],
    ["kind", isActive ? kind : `${kind}, not active`],
    ["keys", jwksUrl ?? "a shared secret"],
    ["audience", audience],
    ["role", roleClaim === null ? defaultRole : `by ${roleClaim}, or else ${defaultRole}`],
    [
      "values",
      Object.entries(roles)
        .map(([value, role]) => `${value}=${role}`)
        .join(", ") || "built-in roles by name",
    ],
    ["owners", allowsOwner ? "yes" : "no"],
    ["users", users],
  ]);
}

async function add(out: Output, options: AddOptions, slug: string, issuer: string): Promise<void> {
  await using session = await openSession("issuer add");
  const { id } = await findTenant(session.platform, slug);
  const kind = options.secret === true ? { kind: "secret" as const } : {};
  const rules = { ...rulesOf(options), audience: options.audience };
  const added = await registerIssuer(registrarOf(session), id, { issuer, ...rules, ...kind });
  out.answer({ tenant: slug, ...added }, added.secret ?? describeIssuer(added));
  if (added.secret !== null) out.talk("The secret, shown once. Tokens: alg HS256, and iss, aud, sub, iat, exp.");
}

async function update(out: Output, options: RuleOptions, slug: string, name: string): Promise<void> {
  await using session = await openSession("issuer update");
  const { id } = await findTenant(session.platform, slug);
  const changed = await changeIssuer(registrarOf(session), id, name, rulesOf(options));
  out.answer({ tenant: slug, ...changed }, describeIssuer(changed));
}

const addRules = (command: Command): Command =>
  command
    .option("--jwks-url <url>", "where its key set is; when left out, the issuer is asked")
    .option("--role-claim <name>", "the claim that names the membership role, or the way to it by dots")
    .option("--role <value=role>", "membership role by a value of that claim; repeatable", collect)
    .option("--default-role <name>", "of those whom the claim gives none (default: viewer)")
    .option("--allow-owner", "let somebody be an owner by its word")
    .option("--no-allow-owner", "let nobody be an owner by its word")
    .addOption(
      new Option(
        "--users <which>",
        "whose its subjects are: nobody's here, the users' of their verified e-mail addresses, or of users that are made",
      ).choices(["none", "match", "create"]),
    );

export function registerIssuerAdd(group: Command): void {
  const command = addRules(
    group
      .command("add <tenant> <issuer>")
      .description("trust what an identity provider, or a backend of the tenant, signs for this tenant")
      .requiredOption("--audience <aud>", "what its tokens must be for")
      .option("--secret", "by a shared secret that is made, though the name is a URL"),
  ).action(act<AddOptions, [string, string]>(add));
  addExamples(command, [
    [
      "rowhouse issuer add acme https://accounts.google.com --audience 123.apps.googleusercontent.com --users match",
      "users sign in with Google",
    ],
    [
      "rowhouse issuer add acme https://id.acme.example/realms/acme --audience rowhouse --role-claim realm_access.roles",
      "roles of Keycloak",
    ],
    [
      "rowhouse issuer add acme billing --audience rowhouse --default-role manager",
      "a backend; prints its secret alone on stdout",
    ],
  ]);
}

export function registerIssuerUpdate(group: Command): void {
  const command = addRules(
    group
      .command("update <tenant> <issuer>")
      .description("change what is taken of an issuer, from the next request on")
      .option("--audience <aud>", "what its tokens must be for")
      .option("--active", "trust it again")
      .option("--no-active", "trust it no more, for now"),
  ).action(act<RuleOptions, [string, string]>(update));
  addExamples(command, [
    ["rowhouse issuer update acme https://accounts.google.com --no-active", "its tokens are refused"],
    ["rowhouse issuer update acme billing --default-role viewer", "by name or id"],
  ]);
}
