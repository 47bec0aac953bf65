import type { Command } from "commander";
export function registerRestore(program: Command): void { void program; }
