import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { resendLetter } from "../../mail/box.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { eachOutbox } from "./outbox.ts";

async function resend(out: Output, _options: unknown, id: string): Promise<void> {
  if (!/^[0-9a-f-]{4,36}$/i.test(id)) throw new RowhouseError("usage", { message: `Not an e-mail's id: ${id}` });
  await using session = await openSession("mail resend");
  const found = await eachOutbox(session, (pool) => resendLetter(pool, id));
  if (!found.some((isThere) => isThere)) {
    throw new RowhouseError("usage", {
      message: `No e-mail ${id} waits, failed or is in doubt`,
      hint: "`rowhouse mail list` shows them; one that was sent, or that `sends` just now, is not sent again.",
    });
  }
  out.answer({ id, resent: true }, `${id}  to be sent`);
}

export function registerMailResend(group: Command): void {
  const command = group
    .command("resend <id>")
    .description("have an e-mail tried again that failed, or of which nobody knows whether it arrived")
    .action(act<unknown, [string]>(resend));
  addExamples(command, [["rowhouse mail resend 3f2a91c0", "it may arrive twice when it was in doubt"]]);
}
