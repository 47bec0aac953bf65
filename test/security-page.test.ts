import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** SECURITY.md names tests; here they are looked for. */
const ROOT = join(import.meta.dirname, "..");
const page = readFileSync(join(ROOT, "SECURITY.md"), "utf8");

interface Line {
  /** Its cells. */
  readonly cells: readonly string[];
  readonly tests: readonly { readonly file: string; readonly titles: readonly string[] }[];
}

/** Files in the last cell, each with the titles that follow it: `test/a.test.ts` "title", "title"; … */
function readLine(text: string): Line {
  const cells = text.split(" | ").map((cell) => cell.replace(/^\||\|$/g, "").trim());
  const named = cells.at(-1)!.matchAll(/`(test\/[^`]+)`((?:,? "[^"]+")*)/g);
  const tests = [...named].map(([, file, titles]) => ({
    file: file!,
    titles: [...titles!.matchAll(/"([^"]+)"/g)].map(([, title]) => title!),
  }));
  return { cells, tests };
}

const lines = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.includes("`test/"))
  .map(readLine);

/** Titles as they stand in the file; those of `test.each` with their placeholders. */
function titlesIn(file: string): Set<string> {
  const text = readFileSync(join(ROOT, file), "utf8");
  const calls = text.matchAll(/\b(?:test|describe)(?:\.each(?:<\w+>)?\([\s\S]*?\))?\(\s*"((?:[^"\\]|\\.)*)"/g);
  return new Set([...calls].map(([, title]) => title!));
}

test("every threat of HTTP from H01 to H29 has a line, in order, with a test or a reason", () => {
  const ids = lines.map(({ cells }) => cells[0]!).filter((cell) => /^H\d\d$/.test(cell));
  const wanted = Array.from({ length: 29 }, (_, index) => `H${String(index + 1).padStart(2, "0")}`);
  expect(ids.filter((id) => wanted.includes(id))).toEqual(wanted);
  const bare = lines.filter(
    ({ cells, tests }) => wanted.includes(cells[0]!) && tests.every(({ titles }) => titles.length === 0),
  );
  expect(bare.map(({ cells }) => cells[0])).toEqual([]);
});

test.each([...new Set(lines.flatMap(({ tests }) => tests.map(({ file }) => file)))])(
  "%s has the tests of its name",
  (file) => {
    const titles = titlesIn(file);
    const named = lines.flatMap(({ tests }) =>
      tests.filter((entry) => entry.file === file).flatMap((entry) => entry.titles),
    );
    expect(named.filter((title) => !titles.has(title))).toEqual([]);
  },
);
