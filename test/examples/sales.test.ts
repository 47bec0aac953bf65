import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { BATCH_ROWS, DEMO_TENANTS, generate, type SeedBatch, type SeedValue } from "../../examples/sales/seed.ts";
import { TODAY_MS } from "../../examples/sales/seed/calendar.ts";
import { amountsOf, type InvoiceItem } from "../../examples/sales/seed/invoice-items.ts";

type Row = Record<string, SeedValue>;

const MIGRATIONS = new URL("../../examples/sales/migrations/", import.meta.url);
const files = readdirSync(MIGRATIONS).toSorted();
const texts = files.map((file) => readFileSync(new URL(file, MIGRATIONS), "utf8"));
const batchesOf = new Map(DEMO_TENANTS.map(({ slug, scale }) => [slug, [...generate(slug, scale)]]));

function hash(batches: readonly SeedBatch[]): string {
  return createHash("sha256").update(JSON.stringify(batches)).digest("hex");
}

function objects({ columns, rows }: SeedBatch): Row[] {
  return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]!])));
}

function rowsOf(slug: string, table: string): Row[] {
  return batchesOf
    .get(slug)!
    .filter((batch) => batch.table === table)
    .flatMap(objects);
}

/** What the migrations say of each table, read from their text so that a new key is tested without being listed here. */
const tables = texts.flatMap((text) => {
  const table = /create table app\.(\w+)/.exec(text)?.[1];
  if (table === undefined) return [];
  return {
    table,
    text,
    uniques: [...text.matchAll(/unique \((\w+(?:, \w+)*)\)/g)].map((match) => match[1]!.split(", ")),
    foreigns: [...text.matchAll(/foreign key \(([\w, ]+)\) references app\.(\w+) \(tenant_id, id\)/g)].map((match) => ({
      columns: match[1]!.split(", "),
      target: match[2]!,
    })),
  };
});

describe("the migrations", () => {
  test("are numbered without gaps, each with a way up and a way down", () => {
    files.forEach((file, index) =>
      expect(file).toMatch(new RegExp(`^${String(index + 1).padStart(4, "0")}_[a-z_]+\\.sql$`)),
    );
    for (const text of texts)
      expect(text.match(/^-- (Up|Down) Migration$/gm)).toEqual(["-- Up Migration", "-- Down Migration"]);
  });

  test("protect each table once, after making it", () => {
    expect(tables.map(({ table }) => table)).toHaveLength(7);
    for (const { table, text } of tables) {
      expect(text.split("platform.protect_table(")).toHaveLength(2);
      expect(text.indexOf(`platform.protect_table('app.${table}')`)).toBeGreaterThan(text.indexOf("create table"));
    }
  });

  test("pair every key with the tenant", () => {
    for (const { text, uniques, foreigns } of tables) {
      expect(text).toContain("primary key (tenant_id, id)");
      for (const columns of uniques) expect(columns[0]).toBe("tenant_id");
      expect(foreigns).toHaveLength(text.split("references app.").length - 1);
      for (const { columns } of foreigns) expect(columns).toHaveLength(2);
    }
  });

  test("lead every index with the tenant", () => {
    for (const match of texts.join("").matchAll(/create (?:unique )?index \w+ on \S+ \((\w+)/g))
      expect(match[1]).toBe("tenant_id");
  });
});

describe("generate", () => {
  test("gives the same rows for the same slug and scale, and no shared row for another slug", () => {
    expect(hash([...generate("globex", 1)])).toBe(hash(batchesOf.get("globex")!));
    const ids = ["globex", "initech", "hooli"].map((slug) =>
      [...generate(slug, 0.1)].flatMap(objects).map(({ id }) => id),
    );
    expect(new Set(ids.flat()).size).toBe(ids.flat().length);
  });

  test("refuses a scale that makes no sense, and serves the smallest", () => {
    for (const scale of [0, -1, 101, Number.NaN, Infinity])
      expect(() => [...generate("acme", scale)]).toThrow(RangeError);
    expect(new Set([...generate("acme", 0.0001)].map(({ table }) => table)).size).toBeGreaterThanOrEqual(6);
  });
});

describe.each(DEMO_TENANTS)("the rows of $slug", ({ slug, scale }) => {
  const batches = batchesOf.get(slug)!;

  test("come in bounded batches that JSON carries unchanged", () => {
    for (const batch of batches) {
      expect(batch.rows.length).toBeGreaterThan(0);
      expect(batch.rows.length).toBeLessThanOrEqual(BATCH_ROWS);
      expect(batch.rows.every((row) => row.length === batch.columns.length)).toBe(true);
    }
    expect(isDeepStrictEqual(JSON.parse(JSON.stringify(batches)), batches)).toBe(true);
    // PostgreSQL has no text with U+0000 in it.
    expect(JSON.stringify(batches).includes("\\u0000")).toBe(false);
  });

  test("come table by table: in turns, the database would check foreign keys by sequential scan", () => {
    const order = batches.map(({ table }) => table).filter((table, index, all) => table !== all[index - 1]);
    expect(order).toEqual([...new Set(order)]);
  });

  test("never name a tenant or a generated column, only columns of the table", () => {
    for (const { table, columns } of batches) {
      const { text } = tables.find((candidate) => candidate.table === table)!;
      expect(columns).not.toContain("tenant_id");
      for (const column of columns) {
        expect(text).toMatch(new RegExp(`^  ${column} `, "m"));
        expect(text).not.toMatch(new RegExp(`^  ${column} .*generated`, "m"));
      }
    }
  });

  test("are as many as they should be", () => {
    const expected = { locations: 8, customers: 300, products: 120, invoices: 1200, expenses: 800 };
    for (const [table, count] of Object.entries(expected)) expect(rowsOf(slug, table)).toHaveLength(count * scale);
    expect(rowsOf(slug, "tax_rates")).toHaveLength(5);
    expect(rowsOf(slug, "invoice_items").length / (4000 * scale)).toBeCloseTo(1, 1);
  });

  test("have each key once", () => {
    for (const { table, uniques } of tables) {
      const rows = rowsOf(slug, table);
      for (const columns of [["id"], ...uniques.map((unique) => unique.slice(1))]) {
        const keys = rows
          .map((row) => columns.map((column) => row[column]!))
          .filter((key) => key.every((value) => value !== null));
        expect(new Set(keys.map((key) => JSON.stringify(key))).size, `${table} ${columns.join()}`).toBe(keys.length);
      }
    }
  });

  test("refer only to rows of an earlier batch or of their own table", () => {
    const known = new Map<string, Set<SeedValue>>(tables.map(({ table }) => [table, new Set()]));
    for (const batch of batches) {
      const { foreigns } = tables.find(({ table }) => table === batch.table)!;
      const rows = objects(batch);
      for (const row of rows) known.get(batch.table)!.add(row.id!);
      for (const { columns, target } of foreigns) {
        const references = rows.map((row) => row[columns[1]!]!).filter((reference) => reference !== null);
        expect(references.filter((reference) => !known.get(target)!.has(reference))).toEqual([]);
      }
    }
  });

  test("add up: an invoice is the sum of its lines", () => {
    const sums = new Map<SeedValue, [number, number]>();
    for (const item of rowsOf(slug, "invoice_items")) {
      const { netCents, taxCents } = amountsOf(item as unknown as InvoiceItem);
      const [net, tax] = sums.get(item.invoice_id!) ?? [0, 0];
      sums.set(item.invoice_id!, [net + netCents, tax + taxCents]);
    }
    const invoices = rowsOf(slug, "invoices");
    expect(invoices.map(({ net_cents, tax_cents }) => [net_cents, tax_cents])).toEqual(
      invoices.map(({ id }) => sums.get(id!) ?? [0, 0]),
    );
  });

  test("have a status that agrees with the dates, and every status", () => {
    const today = new Date(TODAY_MS).toISOString().slice(0, 10);
    const wrong = rowsOf(slug, "invoices").filter((row) => {
      const [issued, due, paid] = [row.issued_on, row.due_on, row.paid_on] as (string | null)[];
      if (row.status === "draft") return !(issued === null && due === null && paid === null && row.number === null);
      if (!(issued! < today && due! >= issued! && (paid !== null) === (row.status === "paid"))) return true;
      if (row.status === "paid") return !(paid! >= issued! && paid! < today);
      return row.status === "sent" ? due! < today : row.status === "overdue" && due! >= today;
    });
    expect(wrong).toEqual([]);
    expect(new Set(rowsOf(slug, "invoices").map(({ status }) => status)).size).toBe(5);
  });

  test("have text that has broken importers: quotes, backslashes, other scripts, COPY's null", () => {
    const text = batches.map((batch) => JSON.stringify(batch.rows)).join("");
    const awkward = ["'", '\\"', "\\\\N", "\\n", "\\t", "株式会社", "e\u0301", "🙏", '"{vip}"', '"NULL"', '""'];
    expect(awkward.filter((piece) => !text.includes(piece))).toEqual([]);
  });
});
