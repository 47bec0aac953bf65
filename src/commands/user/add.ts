import type { Command } from "commander";
import { readEmail } from "../../auth/email.ts";
import { addMember, inviteMember } from "../../auth/members.ts";
import { originUnder } from "../../tenant/origin.ts";
import { act, addExamples } from "../action.ts";
import { readNewPassword, type PasswordOptions } from "../new-password.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

interface MemberOptions {
  readonly role: string;
  readonly name?: string;
}

const memberOf = (email: string, { role, name }: MemberOptions) => ({
  email: readEmail(email),
  role,
  profile: { ...(name !== undefined && { name }), custom: {} },
});

async function add(out: Output, options: MemberOptions & PasswordOptions, slug: string, email: string): Promise<void> {
  const isGiven = options.generate === true || options.passwordStdin === true;
  const given = isGiven ? await readNewPassword(options) : null;
  await using session = await openSession("user add");
  await using place = await openTenantDesk(session, slug);
  const user = await addMember(place.desk, place.actor, memberOf(email, options), given?.password ?? null);
  const password = given?.isGenerated === true ? given.password : undefined;
  out.answer({ ...user, ...(password !== undefined && { password }) }, password ?? `${user.email}  ${user.role}`);
  if (password !== undefined) out.talk("The password, shown once.");
  if (given === null)
    out.talk("Without a password: `rowhouse user password` sets one, or they have a link sent by themselves.");
}

async function invite(out: Output, options: MemberOptions, slug: string, email: string): Promise<void> {
  await using session = await openSession("user invite");
  await using place = await openTenantDesk(session, slug);
  const origin = originUnder(session.config, slug);
  const link = { tenantName: place.tenant.name, origin, redirectTo: null };
  const user = await inviteMember(place.desk, place.actor, memberOf(email, options), link);
  out.answer(user, `${user.email}  ${user.role}`);
  out.talk("The link is in the outbox: `rowhouse mail list`.");
}

export function registerUserAdd(group: Command): void {
  const command = group
    .command("add <tenant> <email>")
    .description("make a user whose address you vouch for")
    .option("--role <name>", "membership role", "member")
    .option("--name <text>", "how the user is called")
    .option("--password-stdin", "read the password from stdin")
    .option("--generate", "make a password and print it alone on stdout, once")
    .action(act<MemberOptions & PasswordOptions, [string, string]>(add));
  addExamples(command, [
    ["rowhouse user add acme ann@example.com --role admin --generate", "prints the password, this once"],
    ["rowhouse user add acme ann@example.com --password-stdin < password", "one that you have"],
  ]);
}

export function registerUserInvite(group: Command): void {
  const command = group
    .command("invite <tenant> <email>")
    .description("make a user who sets a password by a link; again, and a new link takes the place of the last")
    .option("--role <name>", "membership role", "member")
    .option("--name <text>", "how the user is called")
    .action(act<MemberOptions, [string, string]>(invite));
  addExamples(command, [["rowhouse user invite acme ann@example.com --role manager", "the mail goes to the outbox"]]);
}
