import type { Command } from "commander";
export function registerDomain(program: Command): void { void program; }
