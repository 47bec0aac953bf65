import type { Command } from "commander";
import { findMail } from "../../auth/outbox.ts";
import { RowhouseError } from "../../errors.ts";
import { act, addExamples } from "../action.ts";
import { formatFacts, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { eachOutbox } from "./outbox.ts";

async function show(out: Output, _options: unknown, id: string): Promise<void> {
  if (!/^[0-9a-fA-F-]{4,36}$/.test(id))
    throw new RowhouseError("usage", {
      message: `${id} is not the id of a mail`,
      hint: "`rowhouse mail list` shows them.",
    });
  await using session = await openSession("mail show");
  const found = (await eachOutbox(session, (pool) => findMail(pool, id))).filter((mail) => mail !== undefined);
  const [mail] = found;
  if (mail === undefined || found.length > 1)
    throw new RowhouseError("usage", {
      message: `There is not one mail ${id}`,
      hint: "`rowhouse mail list` shows them.",
    });
  const facts = formatFacts([
    ["to", mail.to],
    ["subject", mail.subject],
    ["tenant", mail.tenant],
    ["written", mail.createdAt],
    ["sent", mail.sentAt ?? mail.state],
  ]);
  out.answer(mail, `${facts}\n\n${mail.text}`);
}

export function registerMailShow(group: Command): void {
  const command = group
    .command("show <id>")
    .description("one e-mail with its text; the first characters of its id are enough")
    .action(act<unknown, [string]>(show));
  addExamples(command, [["rowhouse mail show 1f0c2a9b", "its text, and so its link"]]);
}
