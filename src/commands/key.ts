import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerKeyCreate } from "./key/create.ts";
import { registerKeyRevoke, registerKeyRotate } from "./key/end.ts";
import { registerKeyList } from "./key/list.ts";

export function registerKey(program: Command): void {
  const group = program.command("key").description("API keys of a tenant's programs: create, list, rotate, revoke");
  for (const register of [registerKeyCreate, registerKeyList, registerKeyRotate, registerKeyRevoke]) register(group);
  addExamples(group, [["rowhouse key create acme --name till --role member", "printed once"]]);
}
