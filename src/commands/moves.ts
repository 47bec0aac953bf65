import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerAbort } from "./moves/abort.ts";
import { registerList } from "./moves/list.ts";
import { registerResume } from "./moves/resume.ts";
import { registerRollback } from "./moves/rollback.ts";
import { registerShow } from "./moves/show.ts";

export function registerMoves(program: Command): void {
  const group = program.command("moves").description("list, show, resume, abort and roll back moves of tenants");
  for (const register of [registerList, registerShow, registerResume, registerAbort, registerRollback]) register(group);
  addExamples(group, [["rowhouse moves show acme", "how far the latest move of acme is"]]);
}
