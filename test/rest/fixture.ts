import type { Catalog, Column, ForeignKey, Relation, Served } from "../../src/catalog/catalog.ts";
import {
  answerRest,
  type RestAnswer,
  type RestContext,
  type RestRequest,
  type RestSettings,
} from "../../src/rest/answer.ts";
import { RowhouseError } from "../../src/errors.ts";
import type { Statement } from "../../src/db/statement.ts";

const CATEGORIES: Record<string, string> = {
  uuid: "U",
  text: "S",
  integer: "N",
  bigint: "N",
  numeric: "N",
  jsonb: "U",
  "text[]": "A",
  date: "D",
  boolean: "B",
};

function column(spec: string): Column {
  const [name = "", castType = "text", flags = ""] = spec.split(" ");
  return {
    name,
    type: castType,
    category: CATEGORIES[castType] ?? "U",
    castType,
    nullable: flags.includes("?"),
    hasDefault: flags.includes("="),
    defaultSql: flags.includes("=") ? "gen_random_uuid()" : null,
    maxLength: null,
    labels: null,
    generated: flags.includes("*"),
    representation: null,
    comment: null,
  };
}

/** @param columns each as `name type flags`: `?` nullable, `=` with default, `*` generated */
export function relation(name: string, columns: readonly string[], rest: Partial<Relation> = {}): Relation {
  return {
    schema: "app",
    name,
    kind: "table",
    isPartitioned: false,
    comment: null,
    columns: new Map(columns.map(column).map((each) => [each.name, each])),
    computed: new Map(),
    primaryKey: ["id"],
    uniqueKeys: new Map(),
    hasTenant: true,
    verbs: new Set(["select", "insert", "update", "delete"]),
    ...rest,
  };
}

function foreignKey(name: string, from: string, columns: string[], to: string, oneToOne = false): ForeignKey {
  return { name, from, columns, to, referenced: ["id"], oneToOne };
}

const relations = [
  relation(
    "customers",
    ["id uuid =", "name text", "city text ?", "tags text[] =", "settings jsonb =", "credit bigint ?"],
    { computed: new Map([["initials", column("initials text ?")]]) },
  ),
  relation("invoices", ["id uuid =", "number text ?", "customer_id uuid", "billing_id uuid ?", "total bigint *"]),
  relation("items", ["id uuid =", "invoice_id uuid", "product_id uuid ?", "quantity numeric"]),
  relation("products", ["id uuid =", "name text", "search tsvector *"]),
  relation("labels", ["id uuid =", "word text"]),
  relation("product_labels", ["product_id uuid", "label_id uuid"], { primaryKey: ["product_id", "label_id"] }),
  relation("notes", ["id uuid =", "customer_id uuid", 'odd"name text']),
  relation("locations", ["id uuid =", "name text", "parent_id uuid ?"]),
  relation("countries", ["code text", "name text"], {
    hasTenant: false,
    primaryKey: ["code"],
    verbs: new Set(["select"]),
  }),
];

/** A small catalog with every kind of relationship. */
export const CATALOG: Catalog = {
  schema: "app",
  comment: null,
  relations: new Map(relations.map((each) => [each.name, each])),
  foreignKeys: [
    foreignKey("invoices_customer_fkey", "invoices", ["customer_id"], "customers"),
    foreignKey("items_invoice_fkey", "items", ["invoice_id"], "invoices"),
    foreignKey("items_product_fkey", "items", ["product_id"], "products"),
    foreignKey("product_labels_product_fkey", "product_labels", ["product_id"], "products"),
    foreignKey("product_labels_label_fkey", "product_labels", ["label_id"], "labels"),
    foreignKey("notes_customer_fkey", "notes", ["customer_id"], "customers", true),
    foreignKey("locations_parent_fkey", "locations", ["parent_id"], "locations"),
  ],
  routines: new Map(),
  computedRelationships: [
    { schema: "app", name: "late_invoices", from: "customers", to: "invoices", isToOne: false },
    { schema: "app", name: "first_note", from: "customers", to: "notes", isToOne: true },
  ],
  handlers: [],
};

export const TENANT = "0b8f3c1e-0000-4000-8000-000000000001";
export const LIMITS = {
  maxRows: 1000,
  maxInsertRows: 100,
  maxEmbeds: 12,
  maxDepth: 4,
  maxUrlBytes: 65_536,
  maxSelectItems: 500,
  maxFilters: 200,
  maxLogicDepth: 64,
  maxListItems: 2000,
};

export const SETTINGS: RestSettings = {
  aggregates: false,
  plans: false,
  txEnd: "commit",
  preRequest: null,
  root: { spec: null, mode: "follow-privileges", tellsSecurity: false },
  countLimit: 100_000,
  legacyTargetNames: true,
  softDelete: false,
};

/** Schema `tenant`, without anything in it. */
export const NOTHING_OWN: Catalog = {
  schema: "tenant",
  comment: null,
  relations: new Map(),
  foreignKeys: [],
  routines: new Map(),
  computedRelationships: [],
  handlers: [],
};

/** One schema served, and nothing of the app that reads or writes a request's settings. */
export function servedOf(catalog: Catalog): Served {
  return {
    catalogs: new Map([[catalog.schema, catalog]]),
    own: NOTHING_OWN,
    opensAnonymous: false,
    readsRequest: false,
    writesResponse: false,
  };
}

export interface Said {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly catalog?: Catalog;
  readonly row?: (string | null)[];
  readonly explicitTenant?: boolean;
  readonly settings?: Partial<RestSettings>;
}

/** `/customers?select=*` as a request. */
export function request(url: string, { method = "GET", headers = {}, body }: Said = {}): RestRequest {
  const at = url.indexOf("?");
  const path = (at < 0 ? url : url.slice(0, at)).split("/").filter((part) => part !== "");
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    method,
    path: path.map(decodeURIComponent),
    query: at < 0 ? "" : url.slice(at + 1),
    headers,
    body: body === undefined ? null : Buffer.from(text),
  };
}

/** What `platform.allowed_verbs()` says to who may do everything. */
export function everythingOf({ relations }: Catalog): string {
  const verbs = ["select", "insert", "update", "delete"];
  return JSON.stringify(
    Object.fromEntries([...relations.values()].map(({ schema, name }) => [`${schema}.${name}`, verbs])),
  );
}

/** Answers with a database that only notes what it was asked. */
export async function ask(
  url: string,
  said: Said = {},
): Promise<{ answer: RestAnswer; statement: Statement; access: string }> {
  let asked: { statement: Statement; access: string } | undefined;
  const context: RestContext = {
    served: servedOf(said.catalog ?? CATALOG),
    settings: { ...SETTINGS, ...said.settings },
    tenantId: TENANT,
    limits: LIMITS,
    basePath: "/rest/v1",
    explicitTenant: said.explicitTenant,
    run: (access, [statement]) => {
      asked = { statement: statement!, access };
      const row =
        statement!.name === "rowhouse_allowed" ? [everythingOf(said.catalog ?? CATALOG)] : ["1", "[{}]", null, null];
      return Promise.resolve([{ rows: [said.row ?? row], rowCount: 1 }]);
    },
  };
  const answer = await answerRest(request(url, said), context);
  return { answer, ...asked! };
}

/** The refusal that a request ends in. */
export async function refusal(url: string, said: Said = {}): Promise<RowhouseError> {
  const error: unknown = await ask(url, said).then(
    () => new Error("It was accepted"),
    (reason: unknown) => reason,
  );
  if (error instanceof RowhouseError) return error;
  throw error;
}
