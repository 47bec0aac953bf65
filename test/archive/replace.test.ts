import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { isWithheld } from "../../src/archive/withheld.ts";
import { previewRestore, replaceRows } from "../../src/archive/replace.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { brakeReaders } from "./brake.ts";
import { openWorkspace, refusal, type Workspace, readShared } from "./workspace.ts";

let db: Workspace;
let path: string;
let customer: string;
beforeAll(async () => {
  db = await openWorkspace();
  path = await db.archive("globex");
  const { rows } = await db.admin.query<{ id: string }>(
    "select c.id from app.customers c where tenant_id = $1 and exists (select from app.invoices i where i.tenant_id = c.tenant_id and i.customer_id = c.id) order by id limit 1",
    [(await db.tenant("globex")).id],
  );
  customer = rows[0]!.id;
});
afterAll(() => db.close());

const content = async (slug: string) => readShared(db.database, await db.tenant(slug));
const change = async (...texts: string[]) =>
  runScoped(
    db.api,
    await db.scope("globex"),
    "write",
    texts.map((text) => ({ text, values: [] })),
  );
const changesOf = (changes: readonly { table: string }[], table: string) =>
  changes.find((candidate) => candidate.table === table);
const NONE = { inserts: 0, updates: 0, deletes: 0 };

/** A day's work in globex: rows changed, gone and new, in tables that refer to one another. */
async function work(): Promise<void> {
  await change(
    `update app.customers set name = 'Changed' where id = '${customer}'`,
    "update app.customers set notes = null where notes is not null",
    "delete from app.invoice_items where id in (select id from app.invoice_items order by id limit 7)",
    "insert into app.customers (number, name) select 'NEW-' || n, 'New' from generate_series(1, 5) n",
    "insert into app.invoices (customer_id) select id from app.customers where number like 'NEW-%'",
  );
}

describe("a dry run", () => {
  test("of an equal tenant finds nothing", async () => {
    const { changes, tenant } = await previewRestore(db.database, path, {});
    expect(tenant?.slug).toBe("globex");
    const content = await readContent(db.database, await db.tenant("globex"));
    // All but the audit trail, which no restore writes over.
    expect(changes.map(({ table }) => table)).toEqual(
      content.map(({ table }) => table).filter((table) => table !== "tenant.audit_events"),
    );
    expect(changes.every(({ inserts, updates, deletes }) => inserts + updates + deletes === 0)).toBe(true);
  });

  test("of a tenant that is not there finds all rows new", async () => {
    const { changes, tenant, manifest } = await previewRestore(db.database, path, { as: "nobody" });
    expect(tenant).toBeNull();
    expect(changes.map(({ inserts }) => inserts)).toEqual(manifest.tables.map(({ rows }) => rows));
  });

  test("counts inserts, updates and deletes, writes nothing, and keeps no writer waiting", async () => {
    await work();
    const before = await content("globex");
    await using brake = await brakeReaders(db, "rowhouse_importer");
    const preview = previewRestore(db.database, path, {});
    await brake.reached();
    await change("update app.customers set phone = phone");
    await brake.release();
    const { changes } = await preview;
    expect(changesOf(changes, "app.invoice_items")).toMatchObject({ inserts: 7, updates: 0, deletes: 0 });
    expect(changesOf(changes, "app.invoices")).toMatchObject({ inserts: 0, updates: 0, deletes: 5 });
    expect(changesOf(changes, "app.customers")).toMatchObject({ inserts: 0, deletes: 5 });
    expect(changesOf(changes, "app.products")).toMatchObject(NONE);
    expect((await content("globex")).map(({ table, rows }) => ({ table, rows }))).toEqual(
      before.map(({ table, rows }) => ({ table, rows })),
    );
  });
});

describe("--only", () => {
  test("brings back one row, and that alone", async () => {
    const { changes } = await replaceRows(db.database, path, { only: [`customers:${customer}`] });
    expect(changes).toEqual([{ table: "app.customers", inserts: 0, updates: 1, deletes: 0 }]);
    const { rows } = await db.admin.query<{ name: string; new: string }>(
      "select c.name, (select count(*) from app.customers n where n.tenant_id = c.tenant_id and n.number like 'NEW-%') as new from app.customers c where c.id = $1",
      [customer],
    );
    expect(rows[0]).toMatchObject({ new: "5" });
    expect(rows[0]!.name).not.toBe("Changed");
  });

  test("leaves the app's triggers alone: the row is what it was, with its time", async () => {
    const { changes } = await previewRestore(db.database, path, { only: [`app.customers:${customer}`] });
    expect(changes).toEqual([{ table: "app.customers", ...NONE }]);
  });

  test("of a table puts back what changed or went, and leaves what is new", async () => {
    const { changes } = await replaceRows(db.database, path, { only: ["invoice_items", "app.customers"] });
    expect(changesOf(changes, "app.invoice_items")).toMatchObject({ inserts: 7, updates: 0, deletes: 0 });
    expect(changesOf(changes, "app.customers")).toMatchObject({ inserts: 0, deletes: 0 });
    const again = await previewRestore(db.database, path, { only: ["customers"], replace: true });
    expect(again.changes).toEqual([{ table: "app.customers", inserts: 0, updates: 0, deletes: 5 }]);
  });

  test("with --replace is refused where rows that stay refer to rows that would go", async () => {
    const before = await content("globex");
    const error = await refusal(
      "archiveSchema",
      replaceRows(db.database, path, { only: ["customers"], replace: true }),
    );
    expect(error.message).toContain("invoices_customer_fkey");
    expect(await content("globex")).toEqual(before);
  });

  test("is refused where the row that it refers to is not there", async () => {
    const invoice = await db.admin.query<{ id: string; customer_id: string }>(
      "select id, customer_id from app.invoices where customer_id = $1 limit 1",
      [customer],
    );
    await change(
      `delete from app.invoice_items where invoice_id in (select id from app.invoices where customer_id = '${customer}')`,
      `delete from app.invoices where customer_id = '${customer}'`,
      `delete from app.customers where id = '${customer}'`,
    );
    const only = [`invoices:${invoice.rows[0]!.id}`];
    const error = await refusal("archiveSchema", replaceRows(db.database, path, { only }));
    expect(error.hint).toContain("--only app.customers");
    const both = await replaceRows(db.database, path, { only: [...only, `customers:${customer}`] });
    expect(both.changes.map(({ inserts }) => inserts)).toEqual([1, 1]);
  });

  test("names what it can't find", async () => {
    await refusal("tableUnknown", replaceRows(db.database, path, { only: ["nothing"] }));
    await refusal("usage", replaceRows(db.database, path, { only: ["customers:a,b"] }));
    const id = "00000000-0000-0000-0000-000000000000";
    const error = await refusal("rowUnknown", replaceRows(db.database, path, { only: [`customers:${id}`] }));
    expect(error.message).toContain(id);
    await refusal("usage", replaceRows(db.database, path, { only: ["customers:'; drop table app.customers; --"] }));
    await refusal("tenantUnknown", replaceRows(db.database, path, { as: "nobody", only: ["customers"] }));
  });
});

describe("--replace", () => {
  test("makes the tenant what the archive says, and no other tenant feels it", async () => {
    const others = [await content("acme"), await content("initech")];
    const { changes, manifest } = await replaceRows(db.database, path, { replace: true });
    expect(changesOf(changes, "app.customers")).toMatchObject({ deletes: 5 });
    expect(await content("globex")).toEqual(
      manifest.tables
        .map(({ schema, name, rows, rowHash }) => ({ table: `${schema}.${name}`, rows, rowHash }))
        .filter(({ table }) => !isWithheld(table)),
    );
    expect([await content("acme"), await content("initech")]).toEqual(others);
    expect((await db.tenant("globex")).status).toBe("active");
  });

  test("leaves an audit event of what it did", async () => {
    const { rows } = await db.admin.query<{ actor: string; details: { changes: unknown[] } }>(
      "select actor, details from platform.audit_events where action = 'tenant.restored' and tenant_id = $1 order by id desc limit 1",
      [(await db.tenant("globex")).id],
    );
    expect(rows[0]).toMatchObject({ actor: "platform:restore", details: { only: [], changes: expect.any(Array) } });
  });

  test("onto another tenant gives it these rows, under its own id", async () => {
    const { tenant } = await replaceRows(db.database, path, { as: "initech", replace: true });
    expect(await content("initech")).toEqual(await content("globex"));
    expect(tenant?.id).toBe((await db.tenant("initech")).id);
  });

  test("aborted, takes all back", async () => {
    await work();
    const before = await content("globex");
    const abort = new AbortController();
    const onProgress = ({ phase }: { phase: string }) => {
      if (phase === "compare") abort.abort(new Error("enough"));
    };
    await expect(replaceRows(db.database, path, { replace: true, signal: abort.signal, onProgress })).rejects.toThrow(
      "enough",
    );
    expect(await content("globex")).toEqual(before);
  });

  test("works where triggers can't be turned off, by taking all rows out and putting all in", async () => {
    // A deferrable key is itself a trigger, so with one of them all stay on, as on a server where no superuser was at work.
    await db.admin.query("alter table app.expenses add constraint late unique (tenant_id, id) deferrable");
    try {
      await replaceRows(db.database, path, { replace: true });
      const { changes } = await previewRestore(db.database, path, {});
      expect(changes.every(({ inserts, updates, deletes }) => inserts + updates + deletes === 0)).toBe(true);
    } finally {
      await db.admin.query("alter table app.expenses drop constraint late");
    }
  });
});
