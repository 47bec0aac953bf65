import type pg from "pg";
import { Dice, SAMPLES } from "./generated-values.ts";

/** A column and the values that it takes, as text. */
export interface MadeColumn {
  readonly identifier: string;
  readonly type: string;
  /** By which one row's value is made. */
  readonly make: (dice: Dice, row: number) => string | null;
}

export interface MadeTable {
  readonly identifier: string;
  readonly ddl: readonly string[];
  readonly columns: readonly MadeColumn[];
  readonly rows: number;
}

export interface MadeSchema {
  /** Before the tables. */
  readonly prelude: readonly string[];
  readonly tables: readonly MadeTable[];
  /** Types of the server that no value can be given to. */
  readonly sealed: readonly string[];
  /** Values that this version of the server does not know, as `type value`. */
  readonly refused: readonly string[];
}

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
const TENANT = "tenant_id uuid not null default platform.current_tenant()";

interface TypeRow {
  name: string;
  delimiter: string;
  has_array: boolean;
}

/** Every type of the catalog that a column can have and that isn't a pseudo-type or an array of another. */
const TYPES = `select t.typname as name, t.typdelim as delimiter, t.typarray <> 0 as has_array from pg_type t
  where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'r', 'm', 'd', 'e')
    and not exists (select from pg_type e where e.typarray = t.oid) order by t.typname`;

/** Which of the samples this server takes. */
async function knownSamples(
  admin: pg.Client,
  type: string,
): Promise<{ known: string[]; refused: string[]; code: string }> {
  const [known, refused]: [string[], string[]] = [[], []];
  let code = "";
  for (const sample of SAMPLES[type] ?? [""]) {
    const outcome = await admin.query(`select $1::pg_catalog.${quote(type)}`, [sample]).then(
      () => "",
      (error: { code: string }) => error.code,
    );
    (outcome === "" ? known : refused).push(sample);
    code = outcome || code;
  }
  return { known, refused, code };
}

/** An array's text, of up to two dimensions, with a lower bound now and then. */
function makeArray(dice: Dice, samples: readonly string[], delimiter: string): string {
  const element = () => {
    if (dice.below(5) === 0) return "NULL";
    return `"${dice.pick(samples).replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  };
  const row = (length: number) => `{${Array.from({ length }, element).join(delimiter)}}`;
  const shape = dice.below(4);
  if (shape === 0) return "{}";
  if (shape === 1) return `{${[row(2), row(2)].join(delimiter)}}`;
  return shape === 2 ? `[-1:1]=${row(3)}` : row(1 + dice.below(3));
}

/** A column of the type, and one of its arrays. */
function columnsOf({ name, delimiter, has_array }: TypeRow, samples: readonly string[]): MadeColumn[] {
  const type = `pg_catalog.${quote(name)}`;
  const orNull = (make: (dice: Dice) => string) => (dice: Dice) =>
    samples.length === 0 || dice.below(7) === 0 ? null : make(dice);
  const isText = name === "text" || name === "varchar";
  const scalar = orNull((dice) => (isText ? dice.text() : dice.pick(samples)));
  const columns: MadeColumn[] = [{ identifier: quote(`a ${name}`), type, make: scalar }];
  if (has_array) {
    const make = orNull((dice) => makeArray(dice, samples, delimiter));
    columns.push({ identifier: quote(`${name} S`), type: `${type}[]`, make });
  }
  return columns;
}

/** Tables of a few columns each, of as many rows as it takes to see every sample. */
function typeTables(columns: readonly MadeColumn[]): MadeTable[] {
  const WIDTH = 8;
  return Array.from({ length: Math.ceil(columns.length / WIDTH) }, (_, index) => {
    const own = columns.slice(index * WIDTH, (index + 1) * WIDTH);
    const identifier = `app.${quote(`Types ${index}`)}`;
    const id: MadeColumn = { identifier: "id", type: "int", make: (_dice, row) => String(row) };
    const list = own.map((column) => `${column.identifier} ${column.type}`).join(", ");
    const ddl = [`create table ${identifier} (${TENANT}, id int, ${list}, primary key (tenant_id, id))`];
    return { identifier, ddl, columns: [id, ...own], rows: 40 };
  });
}

const number = (identifier: string): MadeColumn => ({ identifier, type: "int", make: (_dice, row) => String(row) });
const text = (identifier: string): MadeColumn => ({ identifier, type: "text", make: (dice) => dice.text() });
const anyText = (identifier: string, samples: readonly (string | null)[]): MadeColumn => ({
  identifier,
  type: "text",
  make: (dice) => dice.pick(samples),
});

const PRELUDE = [
  `create type app.mood as enum ('sad', 'so so', 'it''s', '"q"', 'a,b', 'Ünï', '\\N', '(')`,
  `create type app.inner_pair as (a int, "b ""q""" text, c app.mood)`,
  `create type app.outer_pair as (x app.inner_pair, ys app.inner_pair[], z numeric)`,
  `create domain app.score as int check (value between 0 and 10)`,
  `create domain app.best_score as app.score not null`,
  `create domain app.label as text collate "C" check (length(value) < 20000)`,
  `create type app.span as range (subtype = float8, multirange_type_name = app.spans)`,
];
const MOODS = ["sad", "so so", "it's", '"q"', "a,b", "Ünï", "\\N", "("];
const INNER = ["(1,x,sad)", '(,"",)', '(-1,"a ""b"" \\\\ \n\t,","so so")', '(2,NULL,"""q""")'];

/** Tables by what is odd about them, not about their values. */
function structureTables(isNew: boolean): MadeTable[] {
  const make = (name: string, body: string, columns: MadeColumn[], rows = 15, more: string[] = []): MadeTable => {
    const identifier = `app.${quote(name)}`;
    const isWhole = body.includes("primary key");
    const ddl = `create table ${identifier} (${TENANT}, ${body}${isWhole ? "" : ", primary key (tenant_id, id)"})`;
    return { identifier, ddl: [ddl, ...more], columns, rows };
  };
  const id = number("id");
  const long = "ü".repeat(31);
  return [
    make(
      "own types",
      `id int, mood app.mood, moods app.mood[], pair app.outer_pair, inner_pairs app.inner_pair[], score app.score,
       best app.best_score default 0, label app.label, labels app.label[], span app.span, spans app.spans`,
      [
        id,
        anyText("mood", [null, ...MOODS]),
        anyText("moods", [null, "{}", `{sad,NULL,"it's","\\"q\\"","a,b","\\\\N"}`]),
        anyText("pair", [null, "(,,)", '("(1,x,sad)","{""(2,y,sad)"",NULL}",1.50)']),
        anyText("inner_pairs", [
          null,
          `{${INNER.map((value) => quote(value).replaceAll("\\", "\\\\").replaceAll('""', '\\"')).join(",")}}`,
        ]),
        anyText("score", [null, "0", "10"]),
        anyText("best", ["0", "7"]),
        text("label"),
        anyText("labels", [null, '{a,NULL,"\\\\N",""}']),
        anyText("span", [null, "empty", "[1.5,NaN)", "(-Infinity,0.1]"]),
        anyText("spans", [null, "{}", "{[1,2),[3,4)}"]),
      ],
      40,
    ),
    make("inner pairs", "id int, pair app.inner_pair", [id, anyText("pair", [null, ...INNER])]),
    make("identity always", "id bigint generated always as identity, v text", [id, text("v")]),
    make("identity default", "id smallint generated by default as identity (start with 7 increment by 3), v text", [
      text("v"),
    ]),
    make("serial", "id serial, other bigserial, v text", [text("v")]),
    make(
      "generated",
      `id int, a int, b text, twice int generated always as (a * 2) stored, up text generated always as (upper(b)) ${isNew ? "virtual" : "stored"}`,
      [id, number("a"), text("b")],
    ),
    make(
      "by range",
      "id int, at date, v text, primary key (tenant_id, id, at)) partition by range (at",
      [
        id,
        { identifier: "at", type: "date", make: (dice) => `2026-${String(1 + dice.below(12)).padStart(2, "0")}-01` },
        text("v"),
      ],
      40,
      [
        `create table app.by_range_1 partition of app."by range" for values from (minvalue) to ('2026-04-01')`,
        `create table app.by_range_2 partition of app."by range" for values from ('2026-04-01') to ('2026-08-01') partition by list (at)`,
        `create table app.by_range_2_a partition of app.by_range_2 for values in ('2026-05-01')`,
        `create table app.by_range_2_b partition of app.by_range_2 default`,
        `create table app.by_range_3 partition of app."by range" default`,
      ],
    ),
    make(
      "by hash",
      "id int, v text, primary key (tenant_id, id)) partition by hash (tenant_id, id",
      [id, text("v")],
      40,
      [
        `create table app.by_hash_0 partition of app."by hash" for values with (modulus 2, remainder 0)`,
        `create table app.by_hash_1 (v text, id int not null, tenant_id uuid not null default platform.current_tenant())`,
        `alter table app."by hash" attach partition app.by_hash_1 for values with (modulus 2, remainder 1)`,
      ],
    ),
    make(
      "trees",
      `id int, parent int, v text, primary key (tenant_id, id), foreign key (tenant_id, parent) references app.trees (tenant_id, id)`,
      [
        id,
        { identifier: "parent", type: "int", make: (dice, row) => (row === 0 ? null : String(dice.below(row))) },
        text("v"),
      ],
      30,
    ),
    make(
      "Nodes",
      `"ID" int, next int, primary key (tenant_id, "ID"), foreign key (tenant_id, next) references app."Nodes" (tenant_id, "ID") deferrable initially deferred`,
      [number('"ID"'), { identifier: "next", type: "int", make: (_dice, row) => String((row + 1) % 20) }],
      20,
    ),
    make("parts", `a int, "B" text, c date, v text, primary key (tenant_id, "B", c, a)`, [
      number("a"),
      anyText('"B"', ["x", "\\N", "'"]),
      anyText("c", ["2026-01-01", "infinity"]),
      text("v"),
    ]),
    make(
      "part children",
      `id int, a int, b text, primary key (tenant_id, id), unique (tenant_id, b, a), foreign key (tenant_id, a) references app.trees (tenant_id, id)`,
      [id, number("a"), text("b")],
    ),
    make(
      "part grandchildren",
      `id int, a int, b text, child int, primary key (tenant_id, id), foreign key (tenant_id, child) references app."part children" (tenant_id, id) on delete set null (child)`,
      [id, number("a"), text("b"), number("child")],
    ),
    make('a "quoted"; name: \\ %s $1', `id int, "sel""ect ; -- :x" text, "" || "" `.replace(', "" || "" ', ""), [
      id,
      text('"sel""ect ; -- :x"'),
    ]),
    make("select", `id int, "from" text, "where" text`, [id, text('"from"'), text('"where"')]),
    make("Case", "id int, v text", [id, text("v")]),
    make("CASE", `id int, "V" text, v text`, [id, text('"V"'), text("v")]),
    make(long, `id int, ${quote(`${long}c`)} text`, [id, text(quote(`${long}c`))]),
    make(
      "toast",
      `id int, plain text, packed text, raw bytea`,
      [
        id,
        { identifier: "plain", type: "text", make: (dice) => "\\N\t\n".repeat(20_000 + dice.below(1000)) },
        {
          identifier: "packed",
          type: "text",
          make: (dice) => Array.from({ length: 20_000 }, () => dice.below(2 ** 31).toString(36)).join("\\"),
        },
        {
          identifier: "raw",
          type: "bytea",
          make: (dice) =>
            `\\x${Array.from({ length: 40_000 }, () => dice.below(256).toString(16).padStart(2, "0")).join("")}`,
        },
      ],
      4,
      [`alter table app.toast alter column plain set storage external, alter column raw set storage external`],
    ),
    make("empty", "id int, v text", [id, text("v")], 0),
    make("keys only", "id int", [id]),
    make("dropped", "gone int, id int, v text, also_gone text", [id, text("v"), text("late")], 15, [
      `alter table app.dropped drop column gone, drop column also_gone, add column late text not null default 'late', add column later int default 5`,
    ]),
  ];
}

/** What to make: every built-in type, alone and as an array, and tables that are odd in other ways. */
export async function planSchema(admin: pg.Client, isNew: boolean): Promise<MadeSchema> {
  const [columns, sealed, refused]: [MadeColumn[], string[], string[]] = [[], [], []];
  for (const type of (await admin.query<TypeRow>(TYPES)).rows) {
    const samples = await knownSamples(admin, type.name);
    if (samples.known.length > 0 && SAMPLES[type.name] === undefined)
      throw new Error(`No samples of the type ${type.name}`);
    if (samples.code === "0A000" && samples.known.length === 0) sealed.push(type.name);
    else refused.push(...samples.refused.map((sample) => `${type.name} ${sample}`));
    columns.push(...columnsOf(type, samples.known));
  }
  return { prelude: PRELUDE, tables: [...structureTables(isNew), ...typeTables(columns)], sealed, refused };
}

export async function makeTables(admin: pg.Client, { prelude, tables }: MadeSchema): Promise<void> {
  await admin.query("set role rowhouse_owner");
  for (const statement of prelude) await admin.query(statement);
  for (const { identifier, ddl } of tables) {
    for (const statement of ddl) await admin.query(statement);
    await admin.query("select platform.protect_table($1)", [identifier]);
  }
  await admin.query("reset role");
}

/** Fills the tables with one tenant's rows, as a superuser. */
export async function fillTables(
  admin: pg.Client,
  { tables }: MadeSchema,
  tenantId: string,
  seed: number,
): Promise<void> {
  const dice = new Dice(seed);
  for (const { identifier, columns, rows } of tables) {
    const list = columns.map((column) => column.identifier).join(", ");
    const values = columns.map((_, index) => `$${index + 2}`).join(", ");
    const statement = `insert into ${identifier} (tenant_id, ${list}) overriding system value values ($1, ${values})`;
    await admin.query("begin");
    for (let row = 0; row < rows; row++) {
      await admin.query(statement, [tenantId, ...columns.map(({ make }) => make(dice, row))]);
    }
    await admin.query("commit");
  }
}
