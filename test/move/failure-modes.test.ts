import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** docs/reference/failure-modes.md names tests; here they are looked for. */
const ROOT = join(import.meta.dirname, "../..");
const MODES = 32;

interface Mode {
  readonly number: number;
  readonly text: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

function readModes(): Mode[] {
  const page = readFileSync(join(ROOT, "docs/reference/failure-modes.md"), "utf8");
  return page
    .split(/^## /m)
    .slice(1)
    .map((text) => ({
      number: Number.parseInt(text, 10),
      text,
      tests: [...text.matchAll(/^- (test\/\S+\.test\.ts): (.+)$/gm)].map(([, file, title]) => ({
        file: file!,
        title: title!,
      })),
    }));
}

/** Titles as they stand in the file; those of `test.each` with their placeholders. */
function titlesIn(file: string): Set<string> {
  const text = readFileSync(join(ROOT, file), "utf8");
  const calls = text.matchAll(/\btest(?:\.each\([\s\S]*?\))?\(\s*"((?:[^"\\]|\\.)*)"/g);
  return new Set([...calls].map(([, title]) => title!));
}

test("every failure mode has a test that exists, or a reason", () => {
  const modes = readModes();
  expect(modes.map(({ number }) => number)).toEqual(Array.from({ length: MODES }, (_, index) => index + 1));
  const unanswered = modes.filter(({ tests, text }) => tests.length === 0 && !text.includes("Reason for no"));
  expect(unanswered.map(({ number }) => number)).toEqual([]);
  const missing = modes.flatMap(({ number, tests }) =>
    tests
      .filter(({ file, title }) => !titlesIn(file).has(title))
      .map(({ file, title }) => `${number}: ${file}: ${title}`),
  );
  expect(missing).toEqual([]);
});
