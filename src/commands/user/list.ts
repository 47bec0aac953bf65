import type { Command } from "commander";
import { listMembers } from "../../auth/members.ts";
import type { User } from "../../auth/user.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

/** Pure. */
function stateOf({ isActive, confirmedAt, hasPassword }: User): string {
  if (!isActive) return "inactive";
  if (!hasPassword) return "no password";
  return confirmedAt === null ? "not confirmed" : "active";
}

async function list(out: Output, _options: unknown, slug: string): Promise<void> {
  await using session = await openSession("user list");
  await using place = await openTenantDesk(session, slug);
  const users = await listMembers(place.desk, place.actor);
  const rows = users.map((user) => [
    user.email,
    user.name ?? "",
    user.role,
    stateOf(user),
    user.lastSignInAt?.slice(0, 19) ?? "never",
  ]);
  out.answer(users, users.length === 0 ? "" : formatTable(["E-MAIL", "NAME", "ROLE", "STATE", "LAST SIGN-IN"], rows));
  if (users.length === 0) out.talk("No users yet.");
}

export function registerUserList(group: Command): void {
  const command = group
    .command("list <tenant>")
    .alias("ls")
    .description("users of a tenant, and whether they can sign in")
    .action(act<unknown, [string]>(list));
  addExamples(command, [["rowhouse user list acme", "by e-mail address"]]);
}
