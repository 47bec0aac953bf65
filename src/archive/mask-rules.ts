import { readFile } from "node:fs/promises";
import { z } from "zod";
import { RowhouseError } from "../errors.ts";
import { tableName } from "./manifest.ts";
import type { TableShape } from "./shape.ts";

/** Ways to hide a value. */
export const MASK_KINDS = ["keep", "null", "hash", "email", "name", "phone", "redact", "year", "constant"] as const;
export type MaskKind = (typeof MASK_KINDS)[number];

export interface MaskRule {
  readonly kind: MaskKind;
  /** Of `constant`: the value's text. */
  readonly value?: string;
}

/** By `schema.table.column`. */
export type MaskRules = ReadonlyMap<string, MaskRule>;

const rules = z.record(
  z.string(),
  z.union([
    z.enum(MASK_KINDS).exclude(["constant"]),
    z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean()]) }),
  ]),
);

/**
 * Reads a file of rules: JSON, `{"app.customers.email": "email", "app.customers.notes": {"constant": "…"}}`.
 * @throws RowhouseError fileMissing, maskRefused
 */
export async function readMaskFile(path: string): Promise<MaskRules> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new RowhouseError("fileMissing", { message: `Can't read ${path}: ${(cause as Error).message}`, cause });
  });
  try {
    const parsed = rules.parse(JSON.parse(text));
    return new Map(
      Object.entries(parsed).map(([column, rule]) => [
        column,
        typeof rule === "string" ? { kind: rule } : { kind: "constant", value: String(rule.constant) },
      ]),
    );
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new RowhouseError("maskRefused", {
      message: `${path} is no file of mask rules: ${why}`,
      hint: `{"app.customers.email": "email", …}; the rules are ${MASK_KINDS.join(", ")}, and {"constant": value}.`,
      cause,
    });
  }
}

/** Names of columns that as a rule hold what identifies a person, and how to hide it. The first that fits counts. */
const PERSONAL: readonly (readonly [RegExp, MaskKind])[] = [
  [/(?:^|_)e?mails?(?:_address)?$/, "email"],
  [/(?:^|_)(?:phone|mobile|fax|cell|telephone)(?:_number)?$/, "phone"],
  [/(?:^|_)(?:first|last|full|given|family|middle|maiden|sur|user|display|contact)_?name$/, "name"],
  [/(?:^|_)(?:street|address|address_line_?\d|postal_code|postcode|zip|zip_code)$/, "redact"],
  [
    /(?:^|_)(?:iban|bic|ssn|tax_id|vat_id|passport|id_card|account_number|card_number|licence_number)(?:_number)?$/,
    "redact",
  ],
  [/(?:^|_)(?:birth_?date|date_of_birth|birthday|born_on|dob)$/, "year"],
  [/(?:^|_)(?:notes?|comments?|remarks?|memo)$/, "redact"],
];
/** In tables of people, a plain `name` is a person's. */
const PEOPLE = /(?:^|_)(?:users?|customers?|people|persons?|contacts?|employees?|members?|patients?|students?|leads?)$/;

/** What holds copies of whatever else is masked, and what somebody could sign in by. */
const ALWAYS: MaskRules = new Map<string, MaskRule>([
  ["tenant.audit_events.before", { kind: "null" }],
  ["tenant.audit_events.after", { kind: "null" }],
  ["tenant.audit_events.details", { kind: "null" }],
  ["tenant.credentials.password", { kind: "constant", value: "$masked" }],
]);

/** Rules that hold wherever anything is masked, unless others are given for these columns. Pure. */
export function unconditionalMask(shapes: readonly TableShape[]): MaskRules {
  const columns = new Set(shapes.flatMap((shape) => shape.columns.map(({ name }) => `${tableName(shape)}.${name}`)));
  return new Map([...ALWAYS].filter(([name]) => columns.has(name)));
}

/**
 * Rules for the columns of text whose names say that they hold personal data. A guess, and a place to begin: it does not read
 * the rows. Pure.
 */
export function defaultMask(shapes: readonly TableShape[]): MaskRules {
  const found = new Map<string, MaskRule>();
  for (const shape of shapes) {
    for (const { name, type } of shape.columns) {
      const isPerson = name === "name" && PEOPLE.test(shape.name);
      const kind = isPerson ? "name" : PERSONAL.find(([pattern]) => pattern.test(name))?.[1];
      const fits = kind === "year" ? /^(?:date|timestamp)/.test(type) : /^(?:text|character varying)/.test(type);
      if (kind !== undefined && fits) found.set(`${tableName(shape)}.${name}`, { kind });
    }
  }
  return found;
}
