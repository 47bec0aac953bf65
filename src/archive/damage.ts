import { RowhouseError } from "../errors.ts";

/**
 * @param entry name of the entry that is damaged; null for the container itself
 * @param what what is wrong with it, as the end of a sentence that has named it
 */
export function damaged(entry: string | null, what: string, cause?: unknown): RowhouseError {
  return new RowhouseError("archiveDamaged", {
    message: `The archive is damaged: ${entry ?? "the container"}: ${what.slice(0, 300)}`, // it may quote megabytes
    details: entry ?? "container",
    hint: "Nothing was written. Fetch the archive again, or take another one.",
    cause,
  });
}
