import type { Statement } from "../../../src/db/statement.ts";
import { runScoped } from "../../../src/db/transaction.ts";
import type { TestDatabase } from "../../harness.ts";

/** Stands in every text of the second tenant that is no key, and in no text of the first. */
export const MARK = "TWIN";
const SHIFT = 777;

interface TwinTable {
  readonly identifier: string;
  readonly columns: readonly string[];
  /** Columns that keys, checks or types leave no room in. */
  readonly fixed: readonly string[];
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
}

const TABLES = `
  select format('%I.%I', n.nspname, c.relname) as identifier, array_agg(quote_ident(a.attname) order by a.attnum) as columns,
    coalesce(array_agg(quote_ident(a.attname)) filter (where exists (select from pg_constraint k where k.conrelid = c.oid and a.attnum = any (k.conkey))
      or exists (select from pg_index x where x.indrelid = c.oid and x.indisunique and a.attnum = any (x.indkey::int2[]))), '{}') as fixed,
    coalesce(array_agg(quote_ident(a.attname)) filter (where a.atttypid in ('text'::regtype)), '{}') as texts,
    coalesce(array_agg(quote_ident(a.attname)) filter (where a.atttypid in ('integer'::regtype, 'bigint'::regtype, 'numeric'::regtype)), '{}') as numbers
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
  where n.nspname = 'guild' and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attname not in ('tenant_id', 'tenant_row_id')
  group by c.oid, n.nspname, c.relname`;

/** The same row of another: its keys, and other values. Computed by the database, since JavaScript's numbers have fewer digits. */
function twinColumns({ columns, fixed, texts, numbers }: TwinTable): string {
  return columns
    .map((name) => {
      if (fixed.includes(name)) return name;
      if (texts.includes(name)) return `'${MARK} ' || ${name}`;
      return numbers.includes(name) ? `${name} + ${SHIFT}` : name;
    })
    .join(", ");
}

/** Rows that only the second tenant has. */
const MORE = [
  `insert into guild.holidays select day::date from generate_series('2026-03-01'::timestamp, '2026-03-20', '1 day') day`,
  `insert into guild.halls (id, name, city) values ('00000000-0000-4000-8000-000000000009', '${MARK} Hall', 'Delft')`,
  `insert into guild.members (id, email, first_name, last_name, rank, sponsor_id, home_hall_id, skills)
     select n, '${MARK}' || n, '${MARK}', 'Jansen', 'master', 1, '00000000-0000-4000-8000-000000000001', '{forging}' from generate_series(201, 240) n`,
  `insert into guild.member_crafts (member_id, craft_code, level) select n, 'iron', 5 from generate_series(201, 240) n`,
  `insert into guild.commissions (id, title, customer_id, state) select n, '${MARK}', 1, 'asked' from generate_series(201, 220) n`,
  `insert into guild.journal (line) values ('${MARK}'), (null)`,
  `insert into guild.crafts (code, name) values ('clay', '${MARK} Pottery'), ('stone', '${MARK} Masonry')`,
  `insert into guild.parameters (key, value) values ('more', '"${MARK}"')`,
];

/** Gives globex the rows of acme under the same keys, with other values, and some more. */
export async function settleTwin(db: TestDatabase): Promise<void> {
  const { rows: tables } = await db.admin.query<TwinTable>(TABLES);
  const statement = (text: string, values: (string | null)[] = []): Statement => ({ text, values });
  const sources = await runScoped(
    db.api,
    await db.scope("acme"),
    "read",
    tables.map(({ identifier }) => statement(`select coalesce(json_agg(t), '[]')::text as rows from ${identifier} t`)),
  );
  const scope = await db.scope("globex");
  let waiting = tables.map((table, at) => ({ table, rows: String(sources[at]!.rows[0]![0]) }));
  // In whatever order the foreign keys allow: what is refused now is tried again.
  for (let round = 0; round < 8 && waiting.length > 0; round++) {
    const refused: typeof waiting = [];
    for (const each of waiting) {
      const { identifier, columns } = each.table;
      const list = columns.join(", ");
      const text = `insert into ${identifier} (${list}) overriding system value
        select ${twinColumns(each.table)} from json_populate_recordset(null::${identifier}, $1)`;
      await runScoped(db.api, scope, "write", [statement(text, [each.rows])]).catch((error: { code?: string }) => {
        if (error.code !== "23503") throw error;
        refused.push(each);
      });
    }
    waiting = refused;
  }
  if (waiting.length > 0) throw new Error(`No twins: ${waiting.map(({ table }) => table.identifier).join()}`);
  await runScoped(
    db.api,
    scope,
    "write",
    MORE.map((text) => statement(text)),
  );
}
