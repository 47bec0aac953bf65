import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerKeysArchive } from "./keys/archive.ts";
import { registerKeysList } from "./keys/list.ts";
import { registerRotate } from "./keys/rotate.ts";
import { registerSecret } from "./keys/secret.ts";

export function registerKeys(program: Command): void {
  const group = program
    .command("keys")
    .description("keys that sign tokens: list, rotate; a tenant's own secret; the archives' key");
  for (const register of [registerKeysList, registerRotate, registerSecret, registerKeysArchive]) register(group);
  addExamples(group, [["rowhouse keys rotate", "a new key, without locking anybody out"]]);
}
