import type { View } from "./schema.ts";

/** A body without any table, in whose place the view's own can be put back: it keeps its triggers, rights and dependents. */
export function standIn({ identifier, columns }: View): string {
  const list = columns.map((column) => `null::${column.type} as ${column.identifier}`);
  return `create or replace view ${identifier} as select ${list.join(", ")};`;
}

const optionsOf = ({ options }: View, invoker: boolean) => {
  const all = [...(invoker ? ["security_invoker=true"] : []), ...options];
  return all.length === 0 ? "" : ` with (${all.join(", ")})`;
};

export const recreate = (view: View, definition: string, invoker: boolean) =>
  `create or replace view ${view.identifier}${optionsOf(view, invoker)} as\n${definition};`;

/**
 * A view may leave columns out of GROUP BY that the primary key implies; the key is (tenant_id, …) now, and the list has to say so.
 * @returns the definition with tenant_id beside each column of such a key
 */
export function groupByTenant(definition: string, keys: readonly (readonly string[])[]): string {
  const columns = new Set(keys.flat());
  return definition.replaceAll(/(\bGROUP BY )([^\n;]+)/g, (_, head: string, list: string) => {
    const tenants = new Set<string>();
    for (const item of list.split(", ")) {
      const [, alias = "", column = ""] = /^((?:"(?:[^"]|"")*"|\w+)\.)?("(?:[^"]|"")*"|\w+)/.exec(item.trim()) ?? [];
      if (columns.has(column.replace(/^"(.*)"$/, "$1").replaceAll('""', '"'))) tenants.add(`${alias}tenant_id`);
    }
    return tenants.size === 0 ? `${head}${list}` : `${head}${[...tenants].join(", ")}, ${list}`;
  });
}

/** As it is once it is adopted. */
export const replaceView = (view: View) => recreate(view, groupByTenant(view.definition, view.groupsBy), true);

/** The same where there is none of its name. */
export const createView = (view: View) => replaceView(view).replace("create or replace", "create");

/** Each behind those that it reads. Pure. */
export function inOrder<Item>(items: readonly Item[], viewOf: (item: Item) => View): Item[] {
  const ordered: Item[] = [];
  let waiting = [...items];
  while (waiting.length > 0) {
    const oids = new Set(waiting.map((item) => viewOf(item).oid));
    const ready = waiting.filter((item) => {
      const { oid, reads } = viewOf(item);
      return !reads.some((read) => read !== oid && oids.has(read));
    });
    if (ready.length === 0) return [...ordered, ...waiting]; // a circle, which PostgreSQL lets stand and never runs
    ordered.push(...ready);
    waiting = waiting.filter((each) => !ready.includes(each));
  }
  return ordered;
}
