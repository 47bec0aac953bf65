import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportTenant } from "../../src/archive/export.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import type { Database } from "../../src/db/connections.ts";
import type { Scope } from "../../src/db/scope.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { brakeReaders, waitersFor } from "./brake.ts";
import { openWorkspace, refusal, type Workspace } from "./workspace.ts";

let db: Workspace;
beforeAll(async () => {
  db = await openWorkspace();
});
afterAll(() => db.close());

let position = 1000;

/**
 * One request: an item more on an invoice, and the invoice's amounts with it.
 * @param index of the invoice: two at once have each their own, since requests wait for one another's rows for 2 seconds only
 */
function addItem(scope: Scope, index = 0): Promise<unknown> {
  return runScoped(db.api, scope, "write", [
    {
      text: `with item as (
          insert into app.invoice_items (invoice_id, position, description, quantity, unit_price_cents)
          select id, $2, 'while exporting', 1, 100 from app.invoices
          where id = (select id from app.invoices order by id offset $1 limit 1)
          returning invoice_id, net_cents)
        update app.invoices i set net_cents = i.net_cents + item.net_cents from item where i.id = item.invoice_id`,
      values: [String(index), String(position++)],
    },
  ]);
}

/** Some 200 writes a second until `until` settles. */
async function writeUntil(scope: Scope, until: Promise<unknown>): Promise<number> {
  let open = true;
  let written = 0;
  const stop = until.finally(() => (open = false)).catch(() => {});
  const writer = async (index: number) => {
    for (let pause = 0; open; pause = 15) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      await addItem(scope, index + 4 * (written % 25));
      written++;
    }
  };
  await Promise.all([stop, ...[0, 1, 2, 3].map(writer)]);
  return written;
}

/** Invoices of a tenant whose amounts are not those of their items, and how many items there are. */
async function sums(id: string): Promise<{ wrong: number; items: number }> {
  const { rows } = await db.admin.query<{ wrong: number; items: number }>(
    `select (select count(*)::int from app.invoices i where i.tenant_id = $1 and i.net_cents <>
        (select coalesce(sum(net_cents), 0) from app.invoice_items t where t.tenant_id = i.tenant_id and t.invoice_id = i.id)) as wrong,
      (select count(*)::int from app.invoice_items where tenant_id = $1) as items`,
    [id],
  );
  return rows[0]!;
}

describe("an export while the tenant is written to", () => {
  test("is of one instant", async () => {
    const { id } = await db.tenant("acme");
    const scope = await db.scope("acme");
    const before = await sums(id);
    expect(before.wrong).toBe(0);
    const path = join(db.dir, "busy.rowhouse");
    // The first export only has to start when writes have: several in a row, and each must be whole.
    let items: number[] = [];
    const exports = (async () => {
      for (let round = 0; round < 4; round++) {
        const { tables } = await exportTenant(db.database, { slug: "acme" }, { path, overwrite: true });
        items.push(tables.find(({ name }) => name === "invoice_items")!.rows);
      }
    })();
    const written = await writeUntil(scope, exports);
    await exports;
    expect(written).toBeGreaterThan(0);
    const after = await sums(id);
    expect(after).toEqual({ wrong: 0, items: before.items + written });
    for (const count of items) expect(count).toBeGreaterThanOrEqual(before.items);
    for (const count of items) expect(count).toBeLessThanOrEqual(after.items);
    const { tenant } = await restoreArchive(db.database, path, { as: "busy" });
    expect(await sums(tenant.id)).toEqual({ wrong: 0, items: items.at(-1) });
  });

  test("does not see what was committed after it began, in any of its sessions", async () => {
    const scope = await db.scope("globex");
    const before = await sums((await db.tenant("globex")).id);
    let added: Promise<unknown> | undefined;
    const path = join(db.dir, "late.rowhouse");
    const { tables } = await exportTenant(
      db.database,
      { slug: "globex" },
      {
        path,
        concurrency: 3,
        onProgress: () => {
          added ??= addItem(scope);
        },
      },
    );
    await added;
    expect(tables.find(({ name }) => name === "invoice_items")!.rows).toBe(before.items);
    expect((await sums((await db.tenant("globex")).id)).items).toBe(before.items + 1);
  });
});

describe("an export fails closed", () => {
  const files = () => readdir(db.dir);
  const attempt = (slug = "globex") => exportTenant(db.database, { slug }, { path: join(db.dir, "refused.rowhouse") });

  test("for an unknown tenant, and a folder that does not exist", async () => {
    const before = await files();
    await refusal("tenantUnknown", attempt("nobody"));
    await refusal("fileMissing", exportTenant(db.database, { slug: "globex" }, { path: join(db.dir, "no/where") }));
    expect(await files()).toEqual(before);
  });

  test.each([
    [
      "row-level security is off",
      "alter table app.expenses disable row level security",
      "alter table app.expenses enable row level security",
    ],
    [
      "another policy may hide rows",
      "create policy recent on app.expenses as restrictive using (amount_cents > 100)",
      "drop policy recent on app.expenses",
    ],
  ])("when %s", async (_what, breakIt, mendIt) => {
    const before = await files();
    await db.admin.query(breakIt);
    try {
      await refusal("tableUnprotected", attempt());
    } finally {
      await db.admin.query(mendIt);
    }
    expect(await files()).toEqual(before);
    await exportTenant(db.database, { slug: "globex" }, { path: join(db.dir, "mended.rowhouse"), overwrite: true });
  });

  test("when its role bypasses row-level security", async () => {
    // Not by changing rowhouse_exporter, which belongs to the cluster and so to the tests that run beside this one.
    const database: Database = { ...db.database, connect: () => db.database.connectOwner() };
    const path = join(db.dir, "bypassed.rowhouse");
    const error = await refusal("tableUnprotected", exportTenant(database, { slug: "globex" }, { path }));
    expect(error.message).toContain("bypasses");
  });

  test("when the policies show it another tenant's rows", async () => {
    await db.admin.query(
      "alter policy tenant_floor on app.expenses using (true); alter policy tenant_access on app.expenses using (true)",
    );
    try {
      expect((await refusal("exportInconsistent", attempt())).message).toContain("app.expenses");
    } finally {
      const test = "(tenant_id = (select platform.current_tenant()))";
      await db.admin.query(
        `alter policy tenant_floor on app.expenses using ${test}; alter policy tenant_access on app.expenses using ${test}`,
      );
    }
  });

  test("when its connection is cut while it copies", async () => {
    const before = await files();
    await using brake = await brakeReaders(db, "rowhouse_exporter");
    const work = exportTenant(db.database, { slug: "acme" }, { path: join(db.dir, "cut.rowhouse") });
    const refused = refusal("databaseUnavailable", work);
    expect(await brake.reached()).toMatch(/^copy /);
    await db.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowhouse_exporter' and datname = current_database()",
    );
    expect((await refused).message).toContain("was lost");
    expect(await files()).toEqual(before);
  });

  test.each(["count", "copy", "pack"])("when it is aborted in its phase %s", async (phase) => {
    const before = await files();
    const abort = new AbortController();
    const reason = new Error("Ctrl-C");
    const onProgress = (progress: { phase: string }) => {
      if (progress.phase === phase) abort.abort(reason);
    };
    const work = exportTenant(
      db.database,
      { slug: "acme" },
      { path: join(db.dir, "aborted.rowhouse"), onProgress, signal: abort.signal },
    );
    await expect(work).rejects.toBe(reason);
    expect(await files()).toEqual(before);
    const open = async () => {
      const { rows } = await db.admin.query<{ open: number }>(
        "select count(*)::int as open from pg_stat_activity where usename = 'rowhouse_exporter' and datname = current_database()",
      );
      return rows[0]!.open;
    };
    await expect.poll(open).toBe(0); // a backend notices that its client is gone when it next writes
  });

  test("when it is aborted while it waits for a lock, before its snapshot", async () => {
    const before = await files();
    await db.admin.query("begin; lock table app.customers in access exclusive mode");
    try {
      const [abort, reason] = [new AbortController(), new Error("Ctrl-C")];
      const options = { path: join(db.dir, "locked.rowhouse"), signal: abort.signal };
      const work = exportTenant(db.database, { slug: "globex" }, options).catch((error: unknown) => error);
      await expect.poll(() => waitersFor(db, "app.customers")).toBe(1);
      abort.abort(reason);
      expect(await work).toBe(reason);
      expect(await files()).toEqual(before);
    } finally {
      await db.admin.query("rollback");
    }
  });

  test("of a tenant that has moved away: what it left behind is not the tenant", async () => {
    const moved = "update platform.tenants set moved_to = $2 where slug = $1";
    await db.admin.query(
      "insert into platform.databases (name, kind, secret_ref, address) values ('far', 'dedicated', 'env:FAR', 'far/far')",
    );
    await db.admin.query(moved, ["globex", "far"]);
    try {
      const { message } = await refusal(
        "tenantMoved",
        exportTenant(db.database, { slug: "globex" }, { path: join(db.dir, "moved.rowhouse") }),
      );
      expect(message).toContain("far");
    } finally {
      await db.admin.query(moved, ["globex", null]);
    }
  });

  test("and the archive that stands is still good after all that", async () => {
    expect((await verifyArchive(join(db.dir, "mended.rowhouse"))).tenant.slug).toBe("globex");
  });
});
