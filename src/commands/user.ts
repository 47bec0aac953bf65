import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerUserAdd, registerUserInvite } from "./user/add.ts";
import { registerUserActivation, registerUserPassword, registerUserRole } from "./user/change.ts";
import { registerUserList } from "./user/list.ts";

export function registerUser(program: Command): void {
  const group = program
    .command("user")
    .description("users of a tenant: add, list, invite, deactivate, activate, role, password");
  for (const register of [
    registerUserAdd,
    registerUserList,
    registerUserInvite,
    registerUserActivation,
    registerUserRole,
    registerUserPassword,
  ]) {
    register(group);
  }
  addExamples(group, [
    ["rowhouse user add acme ann@example.com --role owner --generate", "then sign in at the tenant's address"],
  ]);
}
