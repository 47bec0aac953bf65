import type { Command } from "commander";
import { readEmail } from "../../auth/email.ts";
import { changeMember, type MemberChange } from "../../auth/members.ts";
import type { User } from "../../auth/user.ts";
import { act, addExamples } from "../action.ts";
import { readNewPassword, type PasswordOptions } from "../new-password.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

async function change(command: string, slug: string, email: string, wanted: MemberChange): Promise<User> {
  await using session = await openSession(command);
  await using place = await openTenantDesk(session, slug);
  return await changeMember(place.desk, place.actor, readEmail(email), wanted);
}

const activation = (command: string, isActive: boolean) =>
  act<unknown, [string, string]>(async (out: Output, _options, slug, email) => {
    const user = await change(command, slug, email, { isActive });
    out.answer(user, `${user.email}  ${user.isActive ? "active" : "inactive"}`);
  });

export function registerUserActivation(group: Command): void {
  const off = group
    .command("deactivate <tenant> <email>")
    .description("refuse every request of the user from now on, and end the sessions")
    .action(activation("user deactivate", false));
  addExamples(off, [
    ["rowhouse user deactivate acme ann@example.com", "nothing is deleted; `user activate` takes it back"],
  ]);
  const on = group
    .command("activate <tenant> <email>")
    .description("let the user sign in again")
    .action(activation("user activate", true));
  addExamples(on, [["rowhouse user activate acme ann@example.com", "the sessions that were ended stay so"]]);
}

export function registerUserRole(group: Command): void {
  const command = group
    .command("role <tenant> <email> <role>")
    .description("give the user another membership role, which counts from the next request on")
    .action(
      act<unknown, [string, string, string]>(async (out, _options, slug, email, role) => {
        const user = await change("user role", slug, email, { role });
        out.answer(user, `${user.email}  ${user.role}`);
      }),
    );
  addExamples(command, [
    [
      "rowhouse user role acme ann@example.com viewer",
      "owner, admin, manager, member, viewer, or one of the tenant's own",
    ],
  ]);
}

export function registerUserPassword(group: Command): void {
  const command = group
    .command("password <tenant> <email>")
    .description("set the user's password, and end the sessions")
    .option("--password-stdin", "read it from stdin")
    .option("--generate", "make one and print it alone on stdout, once")
    .action(
      act<PasswordOptions, [string, string]>(async (out, options, slug, email) => {
        const { password, isGenerated } = await readNewPassword(options);
        const user = await change("user password", slug, email, { password });
        out.answer({ ...user, ...(isGenerated && { password }) }, isGenerated ? password : user.email);
      }),
    );
  addExamples(command, [["rowhouse user password acme ann@example.com", "asks for it on the terminal"]]);
}
