import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeScope, type Scope } from "../../src/db/scope.ts";
import { readTenantTables } from "../../src/db/tables.ts";
import { enter, outcome, type Arena } from "./arena.ts";
import { TABLES } from "./matrix.ts";
import {
  another,
  CLERK_MAY,
  factsOf,
  GRIDS,
  OWN_TABLES,
  ownTable,
  ROLES,
  SERVICE_MAY,
  type Grid,
  type Role,
} from "./permissions.ts";

const USER = "00000000-0000-4000-8000-0000000000aa";
const KEY = "00000000-0000-4000-8000-0000000000bb";
const KEY_HASH = "ab".repeat(32);

interface Rows {
  readonly own: string;
  readonly others: string;
  readonly foreign: string;
}

/** Who a role's requests come from. */
function principalOf(role: Role): string {
  if (role === "service") return `key:${KEY}`;
  return role === "anonymous" ? "anonymous" : USER;
}

export function scopeOfRole({ a, database }: Arena, role: Role): Scope {
  const grant = role === "service" ? `k${KEY_HASH}` : undefined;
  const { tenantId, epoch } = a;
  return makeScope({ tenantId, epoch, principal: principalOf(role), role, grant }, database.keyring);
}

/** The tables of our own, a role of the tenant's own, and a key. */
async function prepare({ admin, a }: Arena): Promise<void> {
  await admin.query("set role rowhouse_owner");
  for (const [table, options] of Object.entries(OWN_TABLES)) {
    await admin.query(ownTable(table));
    await admin.query("select platform.protect_table($1, $2)", [table, options]);
  }
  await admin.query("reset role");
  await admin.query("delete from tenant.permissions where tenant_id = $1", [a.tenantId]);
  for (const [table, verb] of CLERK_MAY) {
    await admin.query(
      "insert into tenant.permissions (tenant_id, role, table_name, verb) values ($1, 'clerk', $2, $3)",
      [a.tenantId, table, verb],
    );
  }
  await admin.query(
    `insert into tenant.api_keys (tenant_id, id, name, prefix, hash, scopes, created_by)
     values ($1, $2, 'till', 'rh_live_abc123', $3, $4, 'test')`,
    [a.tenantId, KEY, Buffer.from(KEY_HASH, "hex"), JSON.stringify(SERVICE_MAY)],
  );
  // The sales example has none of its own.
  await admin.query(
    "insert into tenant.idempotency_keys (tenant_id, principal, key, fingerprint, answer) select id, 'p', 'role', 'x', '[]' from platform.tenants",
  );
}

/** A row to be touched, made as a restore makes it: nothing is stamped. */
async function makeRow(
  importer: pg.Client,
  scope: Scope,
  table: string,
  mark: string,
  extra: Record<string, string>,
): Promise<string> {
  const row = { ...another(factsOf(table), mark), ...extra };
  await enter(importer, scope);
  const { rows } = await importer.query<{ id: string }>(
    `insert into ${table} (${Object.keys(row).join(", ")}) values (${Object.values(row).join(", ")}) returning id`,
  );
  await importer.query("commit");
  return rows[0]!.id;
}

async function someRow(admin: pg.Client, table: string, tenantId: string): Promise<string> {
  const { id = "id" } = factsOf(table);
  const { rows } = await admin.query<{ id: string }>(`select ${id} as id from ${table} where tenant_id = $1 limit 1`, [
    tenantId,
  ]);
  return rows[0]!.id;
}

/** Rows of the role's own, of somebody else, of B. Where there is no telling whose a row is, any. */
async function rowsFor({ admin, a, b }: Arena, importer: pg.Client, table: string, role: Role): Promise<Rows> {
  const { rights } = factsOf(table);
  if (rights === "read" || rights === "none") {
    const [own, foreign] = [await someRow(admin, table, a.tenantId), await someRow(admin, table, b.tenantId)];
    return { own, others: own, foreign };
  }
  const owned = table in OWN_TABLES;
  const mine: Record<string, string> = owned
    ? { created_by: `'${principalOf(role)}'` }
    : table === "tenant.users"
      ? { id: `'${USER}'` }
      : {};
  const theirs: Record<string, string> = owned ? { created_by: "'somebody'" } : {};
  const name = `${ROLES.indexOf(role)}`;
  return {
    own: await makeRow(importer, a, table, `mine${name}`, mine),
    others: await makeRow(importer, a, table, `others${name}`, theirs),
    foreign: await makeRow(importer, b, table, `foreign${name}`, mine),
  };
}

const WHOSE = ["own", "others", "foreign"] as const;

/** What each statement comes to, in a transaction of its own that is rolled back. */
async function tryAll(client: pg.Client, arena: Arena, table: string, role: Role, rows: Rows): Promise<Grid> {
  const facts = factsOf(table);
  const scope = scopeOfRole(arena, role);
  const attempt = async (text: string, values: unknown[]) => {
    await enter(client, scope);
    const came = await outcome(client, text, values);
    await client.query("rollback");
    return came;
  };
  const each = async (text: string) => {
    const came: (number | string)[] = [];
    for (const whose of WHOSE) {
      const tenantId = whose === "foreign" ? arena.b.tenantId : arena.a.tenantId;
      came.push(await attempt(`${text} where tenant_id = $1 and ${facts.id ?? "id"} = $2`, [tenantId, rows[whose]]));
    }
    return came as unknown as Grid["select"];
  };
  const row = another(facts, "new");
  return {
    select: await each(`select ${facts.shown ?? "*"} from ${table}`),
    insert: await attempt(
      `insert into ${table} (${Object.keys(row).join(", ")}) values (${Object.values(row).join(", ")})`,
      [],
    ),
    update: await each(`update ${table} set ${facts.change}`),
    delete: await each(`delete from ${table}`),
  };
}

/** Role × table × verb × (own row, another's, another tenant's), as raw SQL in the API role. */
export function testPermissions(arenaOf: () => Arena): void {
  let client: pg.Client;
  let importer: pg.Client;
  beforeAll(async () => {
    const { database } = arenaOf();
    await prepare(arenaOf());
    client = await database.connect("rowhouse_api");
    importer = await database.connect("rowhouse_importer");
  });
  afterAll(async () => {
    await Promise.all([client.end(), importer.end()]);
    await arenaOf().admin.query(`drop table ${Object.keys(OWN_TABLES).join(", ")}; delete from platform.table_options`);
  });

  /** Tables of the live catalog that the matrix has not, and of the matrix that the catalog has not. */
  async function differences(): Promise<string[]> {
    const live = new Set((await readTenantTables(arenaOf().admin)).map(({ identifier }) => identifier));
    return [...live.symmetricDifference(new Set(Object.keys(GRIDS)))].toSorted();
  }

  test("the matrix has every table of the live catalog, and no other", async () => {
    expect(await differences()).toEqual([]);
    expect(Object.keys(GRIDS).toSorted()).toEqual([...Object.keys(TABLES), ...Object.keys(OWN_TABLES)].toSorted());
  });

  test("a table that is made up is missed in the matrix, of the app's as of Rowhouse's own", async () => {
    const { admin } = arenaOf();
    await admin.query("begin; set local role rowhouse_owner");
    for (const made of ["app.made_up", "tenant.made_up"]) {
      await admin.query(ownTable(made));
      await admin.query("select platform.protect_table($1)", [made]);
    }
    expect(await differences()).toEqual(["app.made_up", "tenant.made_up"]);
    await admin.query("rollback");
    expect(await differences()).toEqual([]);
  });

  test("every table has a row for every role, and every verb three kinds of rows", () => {
    for (const grids of Object.values(GRIDS)) {
      expect(Object.keys(grids).toSorted()).toEqual([...ROLES].toSorted());
      const kinds = Object.values(grids).flatMap(({ select, update, delete: remove }) => [select, update, remove]);
      expect(kinds.every((row) => row.length === WHOSE.length)).toBe(true);
    }
  });

  describe.each(Object.keys(GRIDS))("%s", (table) => {
    test.each(ROLES)("as %s", async (role) => {
      const arena = arenaOf();
      const rows = await rowsFor(arena, importer, table, role);
      try {
        expect(await tryAll(client, arena, table, role, rows)).toEqual(GRIDS[table]![role]);
      } finally {
        if (table === "tenant.users") await arena.admin.query("delete from tenant.users where id = $1", [USER]);
      }
    });
  });

  test("a view shows what its tables allow", async () => {
    const came: (number | string)[] = [];
    for (const role of ["viewer", "clerk"] as const) {
      await enter(client, scopeOfRole(arenaOf(), role), "read");
      came.push(await outcome(client, "select from app.invoice_totals limit 1"));
      await client.query("rollback");
    }
    expect(came).toEqual([1, "RH206"]);
  });
}
