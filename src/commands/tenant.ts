import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerCreate } from "./tenant/create.ts";
import { registerDelete } from "./tenant/delete.ts";
import { registerList } from "./tenant/list.ts";
import { registerRename } from "./tenant/rename.ts";
import { registerShow } from "./tenant/show.ts";
import { registerActivate, registerSuspend } from "./tenant/status.ts";

export function registerTenant(program: Command): void {
  const group = program
    .command("tenant")
    .description("create, list, show, suspend, activate, rename and delete tenants");
  for (const register of [
    registerCreate,
    registerList,
    registerShow,
    registerSuspend,
    registerActivate,
    registerRename,
    registerDelete,
  ]) {
    register(group);
  }
  addExamples(group, [["rowhouse tenant create acme --name 'Acme Corp'", "then `rowhouse token acme`"]]);
}
