import { readFile } from "node:fs/promises";
import { applySessions } from "../../../src/db/policies.ts";
import type { TestDatabase } from "../../harness.ts";

/** Puts the functions of `functions.sql` into the database, as an app's migration would, and what follows a migrate. */
export async function addFunctions({ admin }: TestDatabase): Promise<void> {
  await admin.query(await readFile(new URL("functions.sql", import.meta.url), "utf8"));
  await applySessions(admin);
}
