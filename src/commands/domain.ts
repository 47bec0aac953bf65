import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerAdd } from "./domain/add.ts";
import { registerList } from "./domain/list.ts";
import { registerPrimary } from "./domain/primary.ts";
import { registerRecheck } from "./domain/recheck.ts";
import { registerRemove } from "./domain/remove.ts";
import { registerVerifyDomain } from "./domain/verify.ts";

export function registerDomain(program: Command): void {
  const group = program
    .command("domain")
    .description("custom domains of tenants: add, list, verify, recheck, primary, remove");
  for (const register of [
    registerAdd,
    registerList,
    registerVerifyDomain,
    registerRecheck,
    registerPrimary,
    registerRemove,
  ])
    register(group);
  addExamples(group, [
    ["rowhouse domain add acme shop.acme.example", "then set the record it prints, then `domain verify`"],
  ]);
}
