import type { Command } from "commander";
import { listMails } from "../../auth/outbox.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { eachOutbox } from "./outbox.ts";

const MOST = 100;

async function list(out: Output, _options: unknown, slug?: string): Promise<void> {
  await using session = await openSession("mail list");
  const found = await eachOutbox(session, (pool) => listMails(pool, slug ?? null, MOST));
  const mails = found
    .flat()
    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))
    .slice(0, MOST);
  const rows = mails.map((mail) => [
    mail.id.slice(0, 8),
    mail.tenant,
    mail.to,
    mail.subject,
    mail.createdAt,
    mail.sentAt ?? mail.state,
  ]);
  // Without the texts: links in them open accounts, and `mail show` is one step further away from a log.
  const facts = mails.map(({ text: _text, html: _html, ...mail }) => mail);
  out.answer(facts, mails.length === 0 ? "" : formatTable(["ID", "TENANT", "TO", "SUBJECT", "WRITTEN", "SENT"], rows));
  if (mails.length === 0) out.talk("No mails.");
}

export function registerMailList(group: Command): void {
  const command = group
    .command("list [tenant]")
    .alias("ls")
    .description(`the last ${MOST} e-mails, of one tenant or of all`)
    .action(act<unknown, [string?]>(list));
  addExamples(command, [["rowhouse mail list acme", "the newest first"]]);
}
