import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerKeysList } from "./keys/list.ts";
import { registerRotate } from "./keys/rotate.ts";
import { registerSecret } from "./keys/secret.ts";

export function registerKeys(program: Command): void {
  const group = program.command("keys").description("keys that sign tokens: list, rotate; and a tenant's own secret");
  for (const register of [registerKeysList, registerRotate, registerSecret]) register(group);
  addExamples(group, [["rowhouse keys rotate", "a new key, without locking anybody out"]]);
}
