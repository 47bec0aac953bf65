import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CHECKS_DIR } from "./rules.ts";

/** One way to try to become another tenant. */
export interface Forgery {
  readonly name: string;
  /** What is sent, as one message; `:tenant` and `:hex` stand for the other tenant's id. */
  readonly text: string;
}

/** Pure: paragraphs of a comment line, the name, and the text below it. A paragraph of comments alone is none. */
export function parseForgeries(content: string): Forgery[] {
  return content.split(/\n{2,}/).flatMap((paragraph) => {
    const [first = "", ...rest] = paragraph.trim().split("\n");
    const text = rest.filter((line) => !line.startsWith("--")).join("\n");
    return text === "" ? [] : [{ name: first.replace(/^--\s*/, ""), text }];
  });
}

export async function loadForgeries(): Promise<Forgery[]> {
  return parseForgeries(await readFile(join(CHECKS_DIR, "forgeries.sql"), "utf8"));
}

/** @param tenantId a uuid of the registry, so that nothing of the text is quoted */
export function renderForgery({ text }: Forgery, tenantId: string): string {
  return text.replaceAll(":tenant", tenantId).replaceAll(":hex", tenantId.replaceAll("-", ""));
}
