import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PACKAGE_DIR } from "../config.ts";
import { RowhouseError } from "../errors.ts";

/** One rule of isolation: a select that returns a row for each hit. `policies/checks/README.md` has its columns. */
export interface Check {
  /** The file's name without its number: `rls_disabled`. */
  readonly name: string;
  /** What a hit means, in one line. */
  readonly title: string;
  /** Ids of the threats that it stands against, as SECURITY.md names them. */
  readonly threats: readonly string[];
  readonly sql: string;
}

export const CHECKS_DIR = join(PACKAGE_DIR, "policies/checks");
const FILE_NAME = /^\d{4}_([a-z][a-z0-9_]*)\.sql$/;

function header(sql: string, field: string): string {
  return new RegExp(`^-- ${field}: (.+)$`, "m").exec(sql)?.[1]?.trim() ?? "";
}

/** Pure: the rule that a file holds. */
export function parseCheck(fileName: string, sql: string): Check {
  const name = FILE_NAME.exec(fileName)?.[1];
  const title = header(sql, "title");
  if (name === undefined || title === "") {
    throw new RowhouseError("internal", {
      message: `Not a rule: policies/checks/${fileName}`,
      hint: "It is named NNNN_snake_name.sql and begins with `-- title:` and `-- threat:`.",
    });
  }
  return { name, title, threats: header(sql, "threat").split(" ").filter(Boolean), sql };
}

/** All rules, in the order of their numbers. */
export async function loadChecks(dir = CHECKS_DIR): Promise<Check[]> {
  const names = (await readdir(dir)).filter((name) => /^\d/.test(name)).toSorted();
  return Promise.all(names.map(async (name) => parseCheck(name, await readFile(join(dir, name), "utf8"))));
}
