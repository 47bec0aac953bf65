import type { Command } from "commander";
import { inviteOperator, linkFirstOperator, operatorLink, type OperatorLink } from "../../auth/operator-links.ts";
import { OPERATOR_ROLES, type OperatorRole } from "../../auth/operator-permissions.ts";
import { RowhouseError } from "../../errors.ts";
import { originUnder } from "../../tenant/origin.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession, type Session } from "../session.ts";

interface InviteOptions {
  readonly role: string;
}

/** @throws RowhouseError usage */
export function readOperatorRole(text: string): OperatorRole {
  const role = OPERATOR_ROLES.find((known) => known === text);
  if (role !== undefined) return role;
  throw new RowhouseError("usage", { message: `There is no operator's role ${text}`, hint: OPERATOR_ROLES.join(", ") });
}

async function makeLink(
  { platform, actor }: Session,
  email: string | undefined,
  role: OperatorRole,
): Promise<OperatorLink> {
  if (email !== undefined) return inviteOperator(platform, { email, role, again: true }, actor);
  const first = await linkFirstOperator(platform, actor);
  if (first !== null) return first;
  throw new RowhouseError("usage", {
    message: "There are operators already",
    hint: "Name the e-mail address: rowhouse operator invite ann@ops.example",
  });
}

async function invite(out: Output, options: InviteOptions, email?: string): Promise<void> {
  const role = readOperatorRole(options.role);
  await using session = await openSession("operator invite");
  const made = await makeLink(session, email, role);
  const link = operatorLink(originUnder(session.config, "admin"), made);
  out.answer({ ...made, link }, link);
  out.talk(`Good once, until ${made.expiresAt}, for ${made.email ?? "the first operator"} as ${made.role}.`);
}

export function registerOperatorInvite(group: Command): void {
  const command = group
    .command("invite [email]")
    .description(
      "print a one-time link that makes an operator, or gives one a new password; without an address for the first one",
    )
    .option("--role <name>", OPERATOR_ROLES.join(", "), "support")
    .action(act<InviteOptions, [string?]>(invite));
  addExamples(command, [
    ["rowhouse operator invite", "for the first operator, as `serve` prints it at its first start"],
    ["rowhouse operator invite ann@ops.example --role billing", "pass the link on; it lives a day"],
  ]);
}
