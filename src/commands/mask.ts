import type { Command } from "commander";
import { readMaskFile, type MaskRules } from "../archive/mask-rules.ts";
import type { Mask } from "../archive/mask.ts";
import { collect } from "./repeated-option.ts";

export interface MaskOptions {
  readonly mask?: readonly string[];
}

/** Adds what {@link MaskOptions} are read from. @returns the command */
export function addMaskOption(command: Command): Command {
  return command.option(
    "--mask <rules>",
    "hide personal data: `default`, by the columns' names, or a JSON file of rules; may be repeated",
    collect,
  );
}

/**
 * Files add up; a later one wins where two name a column.
 * @throws RowhouseError fileMissing, maskRefused
 */
export async function readMask({ mask = [] }: MaskOptions): Promise<Mask | undefined> {
  if (mask.length === 0) return undefined;
  const files: MaskRules[] = [];
  for (const path of mask.filter((given) => given !== "default")) files.push(await readMaskFile(path));
  return { defaults: mask.includes("default"), rules: new Map(files.flatMap((rules) => [...rules])) };
}
