import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openWorkshop } from "../../src/archive/workshop.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "rowhouse-workshop-"));
});
afterEach(() => rm(dir, { recursive: true }));

/** Beyond the highest process id that Linux gives (pid_max, proc(5)). That of a process that ended may be another's by now. */
const NOBODY = 4_194_305;

/** A folder as the export of that process would have left it, by the name of one that this process made. */
async function leftBy(own: string, pid: number, host?: string): Promise<string> {
  const name = own
    .replace(`-${process.pid}-`, `-${pid}-`)
    .replace(/-[0-9a-f]{8}-/, (found) => (host === undefined ? found : `-${host}-`));
  await mkdir(join(dir, name));
  await writeFile(join(dir, name, "0.zst"), "rows");
  return name;
}

test("what a killed export left is swept by the next one, and nothing else", async () => {
  const first = await openWorkshop(join(dir, "a.rowhouse"));
  const [own] = await readdir(dir);
  await first.remove();
  const dead = await leftBy(own!, NOBODY);
  const alive = await leftBy(own!, process.ppid);
  const [elsewhere, long] = [await leftBy(own!, NOBODY, "00000000"), await leftBy(own!, NOBODY, "11111111")];
  const tenDays = new Date(Date.now() - 10 * 24 * 60 * 60 * 1000);
  await utimes(join(dir, long), tenDays, tenDays);
  await writeFile(join(dir, ".mine.partial-1-2"), "x");
  expect(await readdir(dir)).toContain(dead);
  const workshop = await openWorkshop(join(dir, "b.rowhouse"));
  await workshop.remove();
  expect((await readdir(dir)).toSorted()).toEqual([".mine.partial-1-2", alive, elsewhere].toSorted());
});
