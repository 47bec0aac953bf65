import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_DIR } from "../config.ts";

/** Version of this Rowhouse. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_DIR, "package.json"), "utf8")) as { version: string };
  return version;
}
