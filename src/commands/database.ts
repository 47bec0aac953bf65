import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerAddDatabase } from "./database/add.ts";
import { registerListDatabases } from "./database/list.ts";
import { registerRemoveDatabase } from "./database/remove.ts";
import { registerTestDatabase } from "./database/test.ts";

export function registerDatabase(program: Command): void {
  const group = program
    .command("database")
    .description("databases that tenants live in besides the registry's: add, list, test, remove");
  for (const register of [registerAddDatabase, registerListDatabases, registerTestDatabase, registerRemoveDatabase])
    register(group);
  addExamples(group, [
    ["rowhouse database add big1 --url-from env:TENANT_DB_BIG1", "then `rowhouse promote acme --to big1`"],
  ]);
}
