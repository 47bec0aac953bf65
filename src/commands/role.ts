import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerRoleCreate, registerRoleDelete } from "./role/create.ts";
import { registerRoleGrant, registerRoleRevoke } from "./role/grant.ts";
import { registerRoleList, registerRoleShow } from "./role/list.ts";

export function registerRole(program: Command): void {
  const group = program
    .command("role")
    .description("membership roles of a tenant's own: list, show, create, grant, revoke, delete");
  for (const register of [
    registerRoleList,
    registerRoleShow,
    registerRoleCreate,
    registerRoleGrant,
    registerRoleRevoke,
    registerRoleDelete,
  ]) {
    register(group);
  }
  addExamples(group, [
    ["rowhouse role create acme clerk && rowhouse role grant acme clerk customers select,insert", "then: user role"],
  ]);
}
