import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const page = await readFile(join(ROOT, "docs/reference/dialect.md"), "utf8");
const boxes = [...page.matchAll(/^- \[(.)\] (.+)$/gm)].map(([, mark, text]) => ({ mark: mark!, text: text! }));

test("every box that is ticked names the test that holds it", () => {
  expect(boxes.length).toBeGreaterThan(70);
  expect(boxes.filter(({ mark }) => mark !== "x" && mark !== "-")).toEqual([]);
  expect(boxes.filter(({ mark, text }) => mark === "x" && !text.includes(".test.ts`"))).toEqual([]);
});

test.each([...new Set([...page.matchAll(/`(test\/[\w./-]+)`/g)].map(([, path]) => path!))])(
  "%s is there",
  async (path) => {
    await expect(access(join(ROOT, path))).resolves.toBeUndefined();
  },
);
