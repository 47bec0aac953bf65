import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerDemoDecisions } from "./demo/decide.ts";
import { registerDemoList } from "./demo/list.ts";

export function registerDemo(program: Command): void {
  const group = program
    .command("demo")
    .description("demo requests, as POST /demo-requests takes them: list, approve, decline");
  for (const register of [registerDemoList, registerDemoDecisions]) register(group);
  addExamples(group, [["rowhouse demo list", "then `rowhouse demo approve`"]]);
}
