import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { restoreArchive } from "../../src/archive/restore.ts";
import { tarHeader } from "../../src/archive/tar.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import type { ErrorKind } from "../../src/errors.ts";
import { joinParts, readParts, withManifest, withRows, writeParts, type Part } from "./forge.ts";
import { openWorkspace, refusal, type Workspace } from "./workspace.ts";

let db: Workspace;
let good: Buffer;
let parts: Part[];
let bad: string;
beforeAll(async () => {
  db = await openWorkspace();
  const path = await db.archive("globex");
  good = await readFile(path);
  parts = await readParts(path);
  bad = join(db.dir, "bad.rowhouse");
});
afterAll(() => db.close());

/** Both verify and restore refuse it, and the registry is as it was. */
async function refused(content: Buffer, kind: ErrorKind = "archiveDamaged"): Promise<string> {
  await writeFile(bad, content);
  const registry = "select string_agg(t::text, e'\\n' order by id) as tenants from platform.tenants t";
  const { rows: before } = await db.admin.query(registry);
  const error = await refusal(kind, verifyArchive(bad));
  await refusal(kind, restoreArchive(db.database, bad, { as: "refused" }));
  const { rows: after } = await db.admin.query(registry);
  expect(after).toEqual(before);
  return error.details ?? "";
}

/** Every refusal names what is damaged. */
const ENTRY = /^(?:container|manifest\.json|manifest\.sha256|restore\.sql|data\/.+|\.\.\/evil)$/;

test("the archive that the rest damages is good", async () => {
  await writeFile(bad, joinParts(parts));
  expect((await verifyArchive(bad)).tenant.slug).toBe("globex");
});

describe("damage by accident", () => {
  test("one flipped bit anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(7), async (position, bit) => {
        const flipped = Buffer.from(good);
        flipped[position]! ^= 1 << bit;
        await writeFile(bad, flipped);
        expect((await refusal("archiveDamaged", verifyArchive(bad))).details).toMatch(ENTRY);
      }),
      { numRuns: 400 },
    );
  });

  test("one flipped bit in each byte of the first header, and around each padding", async () => {
    const edges = parts.reduce<number[]>(
      (ends, { data }) => [...ends, (ends.at(-1) ?? 0) + 512 + Math.ceil(data.length / 512) * 512],
      [],
    );
    const around = edges.flatMap((edge) => [edge - 1, edge, edge + 99, edge + 150, edge + 155, edge + 156, edge + 511]);
    for (const position of [...Array.from({ length: 512 }, (_, index) => index), ...around]) {
      const flipped = Buffer.from(good);
      flipped[position]! ^= 1;
      await writeFile(bad, flipped);
      expect((await refusal("archiveDamaged", verifyArchive(bad))).details).toMatch(ENTRY);
    }
  });

  test("cut at any length", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), async (length) => {
        await writeFile(bad, good);
        await truncate(bad, length);
        expect((await refusal("archiveDamaged", verifyArchive(bad))).details).toMatch(ENTRY);
      }),
      {
        numRuns: 150,
        examples: [
          [0],
          [1],
          [511],
          [512],
          [513],
          [good.length - 1],
          [good.length - 512],
          [good.length - 1024],
          [good.length - 1025],
        ],
      },
    );
  });

  test("something at its end", async () => {
    expect(await refused(Buffer.concat([good, Buffer.from("x")]))).toBe("container");
    expect(await refused(Buffer.concat([good, Buffer.alloc(512)]))).toBe("container");
    expect(await refused(Buffer.concat([good, good]))).toBe("container");
  });

  test("another file, an empty one, none, a folder", async () => {
    expect(await refused(Buffer.from("PGDMP"))).toBe("container");
    expect(await refused(Buffer.alloc(0))).toBe("container");
    expect(await refused(Buffer.alloc(1024))).toBe("manifest.json"); // a tar without entries
    await refusal("fileMissing", verifyArchive(join(db.dir, "nowhere")));
    await refusal("fileMissing", restoreArchive(db.database, db.dir));
  });

  test("bytes of a table, of the manifest and of its digest: the details name the entry", async () => {
    const flip = (name: string) =>
      joinParts(
        parts.map((part) => (part.name === name ? { ...part, data: Buffer.from(part.data).fill(65, 20, 21) } : part)),
      );
    expect(await refused(flip("data/app.customers.copy.zst"))).toBe("data/app.customers.copy.zst");
    expect(await refused(flip("manifest.json"))).toBe("manifest.json");
    expect(await refused(flip("manifest.sha256"))).toBe("manifest.json");
  });
});

describe("a changed manifest", () => {
  test("is refused by its digest", async () => {
    const edit = (part: Part) =>
      part.name === "manifest.json"
        ? { ...part, data: Buffer.from(part.data.toString().replace("Globex", "Glodex")) }
        : part;
    expect(await refused(joinParts(parts.map(edit)))).toBe("manifest.json");
  });

  const customers = (change: (table: { rows: number; [key: string]: unknown }) => void) => () =>
    withManifest(parts, ({ tables }) => change(tables.find(({ name }) => name === "customers")!));
  test.each<[string, () => Part[], string]>([
    ["rows", customers((table) => (table.rows -= 1)), "data/app.customers.copy.zst"],
    ["bytes", customers((table) => (table["rawBytes"] = Number(table["rawBytes"]) + 1)), "data/app.customers.copy.zst"],
    ["too few bytes", customers((table) => (table["rawBytes"] = 10_000)), "data/app.customers.copy.zst"],
    ["SHA-256", customers((table) => (table["rawSha256"] = "0".repeat(64))), "data/app.customers.copy.zst"],
    [
      "SHA-256 of the file",
      customers((table) => (table["fileSha256"] = "0".repeat(64))),
      "data/app.customers.copy.zst",
    ],
    ["size of the file", customers((table) => (table["fileBytes"] = 5)), "data/app.customers.copy.zst"],
    ["name of the file", customers((table) => (table["file"] = "data/app.invoices.copy.zst")), "manifest.json"],
    ["a path out of the archive", customers((table) => (table["file"] = "../../etc/passwd")), "manifest.json"],
    ["an unknown key", customers((table) => (table["extra"] = 1)), "manifest.json"],
    ["negative rows", customers((table) => (table.rows = -1)), "manifest.json"],
    ["a table left out", () => withManifest(parts, (manifest) => manifest.tables.pop()), "restore.sql"],
    [
      "a table twice",
      () => withManifest(parts, (manifest) => manifest.tables.push(manifest.tables[0]!)),
      "manifest.json",
    ],
    ["children before parents", () => withManifest(parts, (manifest) => manifest.tables.reverse()), "manifest.json"],
    [
      "tenant_id among the columns",
      () => withManifest(parts, (manifest) => (manifest.tables[0]!.columns[0]!.name = "tenant_id")),
      "manifest.json",
    ],
    ["a slug of another kind", () => withManifest(parts, (manifest) => (manifest.tenant.id = "x")), "manifest.json"],
  ])("is refused even with a digest that fits: %s", async (_what, forge, entry) => {
    expect(await refused(joinParts(forge()))).toBe(entry);
  });

  test("of another version or format is refused as that", async () => {
    for (const change of [{ version: 3 }, { version: 0 }, { format: "other" }]) {
      const forged = withManifest(parts, (manifest) => Object.assign(manifest, change));
      expect(await refused(joinParts(forged), "archiveVersion")).toBe("manifest.json");
    }
  });
});

describe("a hostile container", () => {
  const index = (name: string) => parts.findIndex((part) => part.name.includes(name));
  /** A header whose checksum fits, with bytes of one's choice. */
  const header = (name: string, size: number, at: number, bytes: string) => {
    const block = tarHeader(name, size, 0);
    block.write(bytes, at, "latin1");
    block.fill(32, 148, 156);
    block.write(
      `${block
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
      "latin1",
    );
    return block;
  };
  const first = (name: string, typeAt156: string): Part => ({
    name,
    data: Buffer.alloc(0),
    header: header(name, 0, 156, typeAt156),
  });

  test.each<[string, () => Part[]]>([
    [
      "two tables swapped",
      () =>
        parts
          .with(index("customers"), { ...parts[index("invoices")]!, name: parts[index("customers")]!.name })
          .with(index("invoices."), { ...parts[index("customers")]!, name: parts[index("invoices.")]!.name }),
    ],
    ["two entries in another order", () => parts.toSpliced(0, 2, parts[1]!, parts[0]!)],
    ["the manifest first", () => [parts.at(-2)!, ...parts.slice(0, -2), parts.at(-1)!]],
    ["no manifest", () => parts.slice(0, -2)],
    ["no digest", () => parts.slice(0, -1)],
    ["an entry twice", () => [parts[0]!, ...parts]],
    ["an entry that is not listed", () => [{ name: "data/app.other.copy.zst", data: Buffer.from("x") }, ...parts]],
    ["an entry missing", () => parts.slice(1)],
    ["a path upwards", () => [{ name: "../evil", data: Buffer.from("x") }, ...parts]],
    ["a path upwards in data", () => [{ name: "data/../../evil.copy.zst", data: Buffer.from("x") }, ...parts]],
    ["an absolute path", () => [{ name: "/etc/cron.d/evil", data: Buffer.from("x") }, ...parts]],
    [
      "a name with a NUL and more",
      () => [
        { name: "manifest.json", data: Buffer.alloc(0), header: header("manifest.json", 0, 14, "evil") },
        ...parts,
      ],
    ],
    ["a hard link", () => [first("data/app.a.copy.zst", "1/etc/passwd"), ...parts]],
    ["a symbolic link", () => [first("data/app.a.copy.zst", "2/etc/passwd"), ...parts]],
    ["a device", () => [first("data/app.a.copy.zst", "3"), ...parts]],
    ["a folder", () => [first("data/", "5"), ...parts]],
    [
      "a pax header",
      () => [
        {
          name: "data/app.a.copy.zst",
          data: Buffer.from("12 path=/x\n\n"),
          header: header("data/app.a.copy.zst", 12, 156, "x"),
        },
        ...parts,
      ],
    ],
    [
      "a GNU long name",
      () => [
        { name: "././@LongLink", data: Buffer.from("/etc/x\0"), header: header("././@LongLink", 7, 156, "L") },
        ...parts,
      ],
    ],
    ["a sparse file", () => [first("data/app.a.copy.zst", "S"), ...parts]],
    [
      "a huge size",
      () => [
        { name: "data/app.a.copy.zst", data: Buffer.alloc(0), header: tarHeader("data/app.a.copy.zst", 2 ** 52, 0) },
        ...parts,
      ],
    ],
    [
      "a negative size",
      () => [
        {
          name: "data/app.a.copy.zst",
          data: Buffer.alloc(0),
          header: header("data/app.a.copy.zst", 0, 124, "\u00ff".repeat(12)),
        },
        ...parts,
      ],
    ],
    [
      "a prefix",
      () => [
        { name: "data/app.a.copy.zst", data: Buffer.alloc(0), header: header("data/app.a.copy.zst", 0, 345, "/etc") },
        ...parts,
      ],
    ],
    [
      "a digest of another file",
      () => parts.with(-1, { name: "manifest.sha256", data: Buffer.concat([parts.at(-1)!.data, parts.at(-1)!.data]) }),
    ],
  ])("%s", async (_what, forge) => {
    expect(await refused(joinParts(forge()))).toMatch(ENTRY);
  });

  test("a manifest of a gigabyte is not read", async () => {
    const size = 1 << 30;
    const head = tarHeader("manifest.json", size, 0);
    const tail = joinParts([parts.at(-1)!]);
    await writeFile(bad, head);
    await truncate(bad, 512 + size);
    await writeFile(bad, tail, { flag: "a" });
    expect((await refusal("archiveDamaged", verifyArchive(bad))).message).toContain("the most is");
  });

  const repack = (data: Buffer) =>
    withManifest(
      parts.map((part) => (part.name.includes("customers") ? { ...part, data } : part)),
      ({ tables }) => (tables.find(({ name }) => name === "customers")!.fileBytes = data.length),
    );
  test("a bomb stops at the size that the manifest says", async () => {
    const bomb = zstdCompressSync(Buffer.alloc(1 << 28));
    expect(bomb.length).toBeLessThan(1 << 16);
    await writeParts(bad, repack(bomb));
    expect((await refusal("archiveDamaged", verifyArchive(bad))).message).toContain("unpacks to more");
  });

  test("a second frame, and junk after the frame", async () => {
    const own = parts[index("customers")]!.data;
    expect(await refused(joinParts(repack(Buffer.concat([own, zstdCompressSync(Buffer.from("more\n"))]))))).toBe(
      "data/app.customers.copy.zst",
    );
    expect(await refused(joinParts(repack(Buffer.concat([own, Buffer.from("junk")]))))).toBe(
      "data/app.customers.copy.zst",
    );
    expect(await refused(joinParts(repack(own.subarray(0, -4))))).toBe("data/app.customers.copy.zst");
  });

  test("rows that the table can't take are refused by the database, and nothing stays", async () => {
    const forged = withRows(parts, "tax_rates", "not-a-uuid\tx\n");
    await writeParts(bad, forged);
    await verifyArchive(bad);
    const error = await refusal("archiveSchema", restoreArchive(db.database, bad, { as: "refused" }));
    expect(error.message).toContain("app.tax_rates");
    const { rows } = await db.admin.query(
      "select from platform.tenants where slug = 'refused' union all select from platform.domains where name = 'refused'",
    );
    expect(rows).toEqual([]);
  });

  test("rows that are not those that were exported are found by their hash", async () => {
    const raw = (await import("node:zlib")).zstdDecompressSync(parts[index("customers")]!.data).toString();
    await writeParts(bad, withRows(parts, "customers", raw.replace("NL", "BE")));
    await verifyArchive(bad);
    const error = await refusal("archiveSchema", restoreArchive(db.database, bad, { as: "refused" }));
    expect(error.message).toContain("app.customers");
    expect((await db.admin.query("select from platform.tenants where slug = 'refused'")).rowCount).toBe(0);
  });

  test("an end marker of COPY among the rows does not hide the rest", async () => {
    const raw = (await import("node:zlib")).zstdDecompressSync(parts[index("customers")]!.data).toString();
    await writeParts(bad, withRows(parts, "customers", `\\.\n${raw}`));
    await refusal("archiveSchema", restoreArchive(db.database, bad, { as: "refused" }));
    expect((await db.admin.query("select from platform.tenants where slug = 'refused'")).rowCount).toBe(0);
  });
});
