import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RowhouseError } from "../errors.ts";

/** Letters and digits of the schemas' names, as file names have them. Pure. */
export function nameOf(schemas: readonly string[]): string {
  const words = schemas.map((name) =>
    name
      .normalize("NFKD")
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "_"),
  );
  const name = words
    .map((word) => word.replaceAll(/^_+|_+$/g, ""))
    .filter((word) => word !== "")
    .join("_");
  return `adopt_${name === "" ? "schema" : name.slice(0, 60)}`;
}

/** The number after the folder's last one, as wide. Pure. */
export function nextNumber(names: readonly string[]): string {
  const numbers = names.flatMap((name) => /^\d+/.exec(name)?.[0] ?? []);
  const width = Math.max(4, ...numbers.map(({ length }) => length));
  const last = Math.max(0, ...numbers.map(Number));
  return String(last + 1).padStart(width, "0");
}

export interface Place {
  readonly dir: string;
  /** Names of the migrations that the database has, without `.sql`. */
  readonly applied: readonly string[];
  readonly force: boolean;
}

const BY_ADOPT = "\n-- Written by `rowhouse adopt` for the schema ";

/** The folder's migration that adopt wrote for this and that has not run: a second one would do the same again. */
async function findWaiting(dir: string, names: readonly string[], own: string, applied: readonly string[]) {
  for (const name of names) {
    const base = name.replace(/\.sql$/, "");
    if (base === name || !base.endsWith(own) || applied.includes(base)) continue;
    if ((await readFile(join(dir, name), "utf8")).includes(BY_ADOPT)) return name;
  }
  return null;
}

/**
 * Writes the migration into the folder, under the next number; with `force` over the one that has not run yet.
 * @returns its path
 * @throws RowhouseError fileExists where one that adopt wrote waits there
 */
export async function writeMigration(schemas: readonly string[], sql: string, place: Place): Promise<string> {
  const { dir, applied, force } = place;
  await mkdir(dir, { recursive: true });
  const names = await readdir(dir);
  const own = nameOf(schemas);
  const waiting = await findWaiting(dir, names, own, applied);
  if (waiting !== null && !force) {
    throw new RowhouseError("fileExists", {
      message: `${join(dir, waiting)} waits to be run`,
      hint: "Run it: rowhouse migrate. --force writes it anew.",
    });
  }
  const path = join(dir, waiting ?? `${nextNumber(names)}_${own}.sql`);
  await writeFile(path, sql, { flag: waiting === null ? "wx" : "w" });
  return path;
}
