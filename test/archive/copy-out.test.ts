import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { to as copyTo } from "pg-copy-streams";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyOut } from "../../src/archive/copy-out.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase("empty");
  // Speaks up for every row, between the rows.
  await db.admin.query(
    `create function chatter(n int) returns int language plpgsql as $$ begin raise notice 'row %', n; return n; end $$`,
  );
});
afterAll(() => db.close());

async function digest(
  chunks: AsyncIterable<Buffer>,
  each?: () => Promise<void>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
    await each?.();
  }
  return { bytes, sha256: hash.digest("hex") };
}

describe("the rows of a COPY", () => {
  test.each<[string, string, number]>([
    ["none", "select 1 where false", 0],
    ["without columns", "select from generate_series(1, 1000)", 1000],
    ["short", "select n from generate_series(1, 300000) n", 300_000],
    ["of every length around the socket's chunks", "select repeat('x', n * 97) from generate_series(1, 1500) n", 1500],
    ["longer than a block", "select repeat('y', 3000000) from generate_series(1, 3)", 3],
    ["exactly a block", "select repeat('z', 1048575) from generate_series(1, 3)", 3],
    ["with notices between", "select chatter(n) from generate_series(1, 2000) n", 2000],
  ])("%s: the same bytes as by another library, counted", async (_what, select, rows) => {
    const text = `copy (${select}) to stdout`;
    const wanted = await digest(db.admin.query(copyTo(text)));
    const source = copyOut(db.admin, text);
    const found = await digest(source);
    expect({ ...found, rows: source.rows }).toEqual({ ...wanted, rows });
    expect((await db.admin.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  test("come no faster than they are taken", async () => {
    const text = "copy (select repeat('x', 1000) from generate_series(1, 30000)) to stdout";
    const wanted = await digest(copyOut(db.admin, text));
    const source = copyOut(db.admin, text);
    let most = 0;
    const slowly = async () => {
      most = Math.max(most, source.readableLength);
      await sleep(5);
    };
    expect(await digest(source, slowly)).toEqual(wanted);
    expect(most).toBeLessThanOrEqual(2);
  });

  test("blocks that are given back are filled again", async () => {
    const source = copyOut(db.admin, "copy (select repeat('x', 1000) from generate_series(1, 30000)) to stdout");
    const memory = new Set<ArrayBufferLike>();
    let count = 0;
    for await (const block of source as AsyncIterable<Buffer<ArrayBuffer>>) {
      memory.add(block.buffer);
      count++;
      source.recycle(block);
    }
    expect(count).toBeGreaterThan(20);
    expect(memory.size).toBeLessThan(6);
  });
});

describe("a COPY that fails", () => {
  test.each([
    ["before its first row", "copy (select 1 from nowhere) to stdout", "42P01"],
    ["in the middle", "copy (select 1 / (50000 - n) from generate_series(1, 60000) n) to stdout", "22012"],
  ])("%s says why, and leaves the connection fit for use", async (_what, text, code) => {
    await expect(digest(copyOut(db.admin, text))).rejects.toMatchObject({ code });
    expect((await db.admin.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  test("because the connection is cut says so", async () => {
    const session = await db.database.connect("rowhouse_exporter").catch(() => db.database.connectOwner());
    const source = copyOut(
      session,
      "copy (select repeat('x', 1000), pg_sleep(0.001) from generate_series(1, 100000)) to stdout",
    );
    const outcome = digest(source, async () => {
      await db.admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy (select repeat(%' and datname = current_database() and pid <> pg_backend_pid()",
      );
    });
    await expect(outcome).rejects.toThrow(/terminat|Connection/);
    await session.end();
  });
});
