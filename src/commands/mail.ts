import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerMailList } from "./mail/list.ts";
import { registerMailResend } from "./mail/resend.ts";
import { registerMailShow } from "./mail/show.ts";

export function registerMail(program: Command): void {
  const group = program.command("mail").description("e-mails of the outbox: list, show, resend");
  for (const register of [registerMailList, registerMailShow, registerMailResend]) register(group);
  addExamples(group, [["rowhouse mail list", "what is to be sent, and what was"]]);
}
