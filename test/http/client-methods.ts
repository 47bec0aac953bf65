import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  PostgrestBuilder,
  PostgrestClient,
  PostgrestFilterBuilder,
  PostgrestQueryBuilder,
  PostgrestTransformBuilder,
} from "@supabase/postgrest-js";
import { SupabaseClient } from "@supabase/supabase-js";

type Method = (this: unknown, ...args: unknown[]) => unknown;

interface ClientMethods {
  /** Every public method of the clients as they are installed, such as `PostgrestFilterBuilder.eq`. */
  readonly all: readonly string[];
  /** Those that were called since, by a test and not by another method. */
  readonly used: ReadonlySet<string>;
}

/** TypeScript's private and protected methods are properties like all others when it runs. */
function isPublic(name: string): boolean {
  const types = new URL("index.d.mts", import.meta.resolve("@supabase/postgrest-js"));
  const hidden = readFileSync(fileURLToPath(types), "utf8").matchAll(/^ {2}(?:private|protected) (\w+)[(;]/gm);
  return name !== "constructor" && ![...hidden].some(([, own]) => own === name);
}

const CLASSES = [
  PostgrestClient,
  PostgrestQueryBuilder,
  PostgrestFilterBuilder,
  PostgrestTransformBuilder,
  PostgrestBuilder,
];

/** Whether callers meet the method of a class below it instead. */
const isOverridden = (prototype: object, method: string): boolean =>
  CLASSES.some(
    (each) => Object.prototype.isPrototypeOf.call(prototype, each.prototype) && Object.hasOwn(each.prototype, method),
  );

/** What they have by inheritance is another's method; of supabase-js only what it hands on to postgrest-js. */
function methodsOf({ name, prototype }: { name: string; prototype: object }): string[] {
  const own = Object.getOwnPropertyNames(prototype).filter(
    (method) => isPublic(method) && !isOverridden(prototype, method),
  );
  return name === SupabaseClient.name ? own.filter((method) => method in PostgrestClient.prototype) : own;
}

/** Notes which methods of the clients are called from here on. They do what they did before. */
export function watchMethods(): ClientMethods {
  const all: string[] = [];
  const used = new Set<string>();
  let depth = 0;
  for (const each of [SupabaseClient, ...CLASSES]) {
    const prototype = each.prototype as unknown as Record<string, Method>;
    for (const method of methodsOf(each)) {
      const name = `${each.name}.${method}`;
      const original = prototype[method]!;
      all.push(name);
      prototype[method] = function (...args) {
        if (depth === 0) used.add(name);
        depth += 1;
        try {
          return original.apply(this, args);
        } finally {
          depth -= 1;
        }
      };
    }
  }
  return { all, used };
}
