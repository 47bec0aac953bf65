import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { setTenantStatus } from "../../src/tenant/change.ts";
import { beginImport, dropImport } from "../../src/tenant/importing.ts";
import { deleteTenant } from "../../src/tenant/delete.ts";
import { waitersFor } from "./brake.ts";
import { openWorkspace, refusal, type Workspace, readShared } from "./workspace.ts";

let db: Workspace;
let path: string;
beforeAll(async () => {
  db = await openWorkspace();
  path = await db.archive("globex");
});
afterAll(() => db.close());

const registry = async () => (await db.admin.query("select t.slug, t.status from platform.tenants t order by 1")).rows;
const status = async (slug: string) => (await db.tenant(slug)).status;

/** Breaks the schema for the length of one restore, which must be refused and leave no tenant. */
async function refusedWith(breakIt: string, mendIt: string): Promise<string> {
  const before = await registry();
  await db.admin.query(breakIt);
  try {
    const error = await refusal("archiveSchema", restoreArchive(db.database, path, { as: "misfit" }));
    return `${error.message}\n${error.details ?? ""}`;
  } finally {
    await db.admin.query(mendIt);
    expect(await registry()).toEqual(before);
    expect((await db.admin.query("select from platform.domains where name = 'misfit'")).rowCount).toBe(0);
  }
}

describe("a restore is refused", () => {
  test("over a tenant that has rows, and changes none of them", async () => {
    const tenant = await db.tenant("globex");
    const before = await readContent(db.database, tenant);
    await refusal("tenantNotEmpty", restoreArchive(db.database, path));
    await refusal("tenantNotEmpty", restoreArchive(db.database, path, { as: "acme" }));
    expect(await readContent(db.database, tenant)).toEqual(before);
    expect(await status("globex")).toBe("active");
  });

  test("when the archive's tenant was renamed here", async () => {
    await db.platform.query("update platform.tenants set slug = 'globex-2' where slug = 'globex'");
    const error = await refusal("tenantExists", restoreArchive(db.database, path));
    await db.platform.query("update platform.tenants set slug = 'globex' where slug = 'globex-2'");
    expect(error.message).toContain("globex-2");
  });

  test("under a slug that is malformed, reserved, or another tenant's old address", async () => {
    await refusal("slugMalformed", restoreArchive(db.database, path, { as: "Not A Slug" }));
    await refusal("slugReserved", restoreArchive(db.database, path, { as: "admin" }));
    await db.platform.query(
      "insert into platform.domains (name, kind, tenant_id, verified_at) values ('former', 'subdomain', $1, now())",
      [(await db.tenant("acme")).id],
    );
    const before = await registry();
    await refusal("domainTaken", restoreArchive(db.database, path, { as: "former" }));
    expect(await registry()).toEqual(before);
  });

  test("where a table is missing", async () => {
    expect(
      await refusedWith("alter table app.expenses rename to spendings", "alter table app.spendings rename to expenses"),
    ).toContain("there is no table app.expenses");
  });

  test("where columns differ, and names each", async () => {
    const said = await refusedWith(
      "alter table app.expenses rename vendor to seller; alter table app.customers alter phone type varchar(99); alter table app.tax_rates add code text not null default 'x'; alter table app.tax_rates alter code drop default",
      "alter table app.expenses rename seller to vendor; alter table app.customers alter phone type text; alter table app.tax_rates drop code",
    );
    expect(said).toContain("app.expenses.vendor does not exist");
    expect(said).toContain("app.customers.phone is character varying(99), in the archive text");
    expect(said).toContain("app.tax_rates.code is not null");
  });

  test("where a check refuses a row, naming the table and the constraint", async () => {
    const said = await refusedWith(
      "alter table app.expenses add constraint cheap check (amount_cents < 2) not valid",
      "alter table app.expenses drop constraint cheap",
    );
    expect(said).toContain("app.expenses");
    expect(said).toContain("cheap");
  });

  test("where a trigger that nothing turns off changes rows as they come", async () => {
    const said = await refusedWith(
      `create function app.shout() returns trigger language plpgsql as $$ begin new.vendor := upper(new.vendor); return new; end $$;
       create trigger shout before insert on app.expenses for each row execute function app.shout(); grant execute on function app.shout() to public;
       alter table app.expenses enable always trigger shout`,
      "drop trigger shout on app.expenses; drop function app.shout()",
    );
    expect(said).toContain("the rows of app.expenses differ");
  });

  test("where a trigger adds rows elsewhere, and a deferrable key keeps triggers on", async () => {
    const said = await refusedWith(
      `create function app.log_it() returns trigger language plpgsql as $$ begin
         insert into app.tax_rates (name, country, basis_points, valid_from_on) values (new.id::text, 'NL', 1, '2026-01-01'); return null; end $$;
       create trigger log_it after insert on app.expenses for each row execute function app.log_it(); grant execute on function app.log_it() to public;
       alter table app.tax_rates add constraint late unique (tenant_id, id) deferrable`,
      "drop trigger log_it on app.expenses; drop function app.log_it(); alter table app.tax_rates drop constraint late",
    );
    expect(said).toContain("app.tax_rates has");
  });

  test("where a foreign key does not hold, though its trigger is off", async () => {
    const said = await refusedWith(
      `create table app.shelves (tenant_id uuid not null, id uuid not null default gen_random_uuid(), primary key (tenant_id, id));
       alter table app.shelves owner to rowhouse_owner; select platform.protect_table('app.shelves');
       alter table app.expenses add constraint shelf foreign key (tenant_id, id) references app.shelves (tenant_id, id) not valid`,
      "alter table app.expenses drop constraint shelf; drop table app.shelves",
    );
    expect(said).toContain("rows of app.expenses would refer to rows of app.shelves that are not there");
  });
});

describe("a restore goes in", () => {
  test("where the app's triggers change and add rows: they did it when the rows were made, and don't do it twice", async () => {
    await db.admin.query(
      `create function app.shout() returns trigger language plpgsql as $$ begin
         new.vendor := upper(new.vendor);
         insert into app.tax_rates (name, country, basis_points, valid_from_on) values (new.id::text, 'NL', 1, '2026-01-01'); return new; end $$;
       create trigger shout before insert on app.expenses for each row execute function app.shout(); grant execute on function app.shout() to public`,
    );
    try {
      const { tenant } = await restoreArchive(db.database, path, { as: "quiet" });
      expect(await readShared(db.database, tenant)).toEqual(await readShared(db.database, await db.tenant("globex")));
    } finally {
      await db.admin.query("drop trigger shout on app.expenses; drop function app.shout()");
    }
  });

  test("where the database has more: a table, a nullable column, one with a default", async () => {
    await db.admin
      .query(`set role rowhouse_owner; create table app.extras (tenant_id uuid not null, id uuid not null default gen_random_uuid(), primary key (tenant_id, id));
      select platform.protect_table('app.extras'); alter table app.expenses add mood text, add stars int not null default 3; select platform.protect_table('app.expenses'); reset role`);
    try {
      const { tenant } = await restoreArchive(db.database, path, { as: "roomy" });
      const { rows } = await db.admin.query(
        "select count(*)::int as n, min(stars) as stars from app.expenses where tenant_id = $1 and mood is null",
        [tenant.id],
      );
      expect(rows[0]).toMatchObject({ stars: 3 });
      expect(rows[0]).toEqual({
        stars: 3,
        n: (
          await db.admin.query("select count(*)::int as n from app.expenses where tenant_id = $1", [
            (await db.tenant("globex")).id,
          ])
        ).rows[0].n,
      });
    } finally {
      await db.admin.query("alter table app.expenses drop mood, drop stars; drop table app.extras");
    }
  });

  test("where a tenant without rows waits for it", async () => {
    await db.platform.query(
      "insert into platform.tenants (id, slug, name, seal) select gen_random_uuid(), 'bare', 'Bare', seal from platform.tenants limit 1",
    );
    const { id } = await db.tenant("bare");
    const { sealOf } = await import("../../src/db/keyring.ts");
    await db.platform.query("update platform.tenants set seal = $2 where id = $1", [
      id,
      sealOf(db.database.keyring.tenantSecret(id)),
    ]);
    const { tenant, created } = await restoreArchive(db.database, path, { as: "bare" });
    expect({ id: tenant.id, name: tenant.name, created }).toEqual({ id, name: "Bare", created: false });
    expect(await readShared(db.database, tenant)).toEqual(await readShared(db.database, await db.tenant("globex")));
  });
});

describe("an interrupted restore", () => {
  test("keeps requests out, can't be opened by hand, and is finished by the same restore", async () => {
    // As a kill right after the tenant was made leaves it.
    const begun = await beginImport(db.platform, db.database.keyring, { slug: "half", name: "Half" }, "test");
    await refusal(
      "tenantSuspended",
      runScoped(db.api, await db.scope("half"), "read", [{ text: "select from app.customers", values: [] }]),
    );
    expect((await setTenantStatus(db.platform, "half", "active", "test")).status).toBe("importing");
    const { tenant, created } = await restoreArchive(db.database, path, { as: "half" });
    expect({ id: tenant.id, status: tenant.status, created }).toEqual({
      id: begun.id,
      status: "active",
      created: false,
    });
    expect(await readShared(db.database, tenant)).toEqual(await readShared(db.database, await db.tenant("globex")));
  });

  test("whose rows are in is compared and opened, not filled again", async () => {
    // As a kill between the rows' commit and the opening leaves it.
    await restoreArchive(db.database, path, { as: "late" });
    await db.platform.query("update platform.tenants set status = 'importing' where slug = 'late'");
    const phases = new Set<string>();
    const { tenant } = await restoreArchive(db.database, path, {
      as: "late",
      onProgress: ({ phase }) => phases.add(phase),
    });
    expect(tenant.status).toBe("active");
    expect([...phases]).toEqual(["verify", "compare"]);
  });

  test("of another archive is not taken over", async () => {
    await restoreArchive(db.database, path, { as: "other" });
    await db.platform.query("update platform.tenants set status = 'importing' where slug = 'other'");
    await refusal("tenantNotEmpty", restoreArchive(db.database, await db.archive("initech"), { as: "other" }));
    expect(await status("other")).toBe("importing");
    await deleteTenant(db.platform, db.database.keyring, "other", "test");
  });

  test("cut off by the server takes its tenant back", async () => {
    const before = await registry();
    await db.admin.query("begin; lock table app.expenses in share mode"); // until its rows are to go in
    const refused = refusal("databaseUnavailable", restoreArchive(db.database, path, { as: "cut" }));
    await expect.poll(() => waitersFor(db, "app.expenses")).toBe(1);
    await db.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowhouse_importer' and datname = current_database()",
    );
    await db.admin.query("rollback");
    expect((await refused).message).toContain("was lost");
    expect(await registry()).toEqual(before);
  });

  test.each(["verify", "load", "compare"])("aborted in its phase %s takes its tenant back", async (phase) => {
    const before = await registry();
    const abort = new AbortController();
    const reason = new Error("Ctrl-C");
    const onProgress = (progress: { phase: string }) => {
      if (progress.phase === phase) abort.abort(reason);
    };
    await expect(restoreArchive(db.database, path, { as: "aborted", onProgress, signal: abort.signal })).rejects.toBe(
      reason,
    );
    expect(await registry()).toEqual(before);
    expect((await db.admin.query("select from platform.domains where name = 'aborted'")).rowCount).toBe(0);
  });

  test("is not exported", async () => {
    await beginImport(db.platform, db.database.keyring, { slug: "unready", name: "Unready" }, "test");
    expect((await refusal("busy", db.archive("unready"))).message).toContain("importing");
  });
});

test("two restores at once of one slug end as one tenant, whole", async () => {
  const outcomes = await Promise.allSettled([1, 2].map(() => restoreArchive(db.database, path, { as: "twice" })));
  expect(outcomes.some(({ status: outcome }) => outcome === "fulfilled")).toBe(true);
  expect(await readShared(db.database, await db.tenant("twice"))).toEqual(
    await readShared(db.database, await db.tenant("globex")),
  );
  expect(await status("twice")).toBe("active");
});

test("dropping an import leaves a tenant that has rows, or that is open", async () => {
  const globex = await db.tenant("globex");
  expect(await dropImport(db.platform, db.database.keyring, globex, "test")).toBe(false);
  const begun = await beginImport(db.platform, db.database.keyring, { slug: "dropped", name: "Dropped" }, "test");
  await db.platform.query("update platform.tenants set status = 'active' where id = $1", [begun.id]);
  expect(await dropImport(db.platform, db.database.keyring, begun, "test")).toBe(false);
  await db.platform.query("update platform.tenants set status = 'importing' where id = $1", [begun.id]);
  expect(await dropImport(db.platform, db.database.keyring, begun, "test")).toBe(true);
});

test("no row of a restored tenant belongs to another, and the others' rows are untouched", async () => {
  const others = await readContent(db.database, await db.tenant("acme"));
  const { tenant } = await restoreArchive(db.database, path, { as: "last" });
  expect(await readContent(db.database, await db.tenant("acme"))).toEqual(others);
  const { rows } = await db.admin.query(
    "select count(*)::int as n from app.invoice_items where tenant_id not in (select id from platform.tenants)",
  );
  expect(rows[0]).toEqual({ n: 0 });
  expect(tenant.slug).toBe("last");
});
