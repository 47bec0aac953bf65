import type { Table } from "./schema.ts";
import type { Planned } from "./step.ts";

/**
 * A child table's rows are its parent's as well, under the policies of whichever is asked, and an archive would hold them twice:
 * each stands on its own from here on. Pure.
 */
export function planInheritance(tables: readonly Table[]): Planned {
  const children = tables.filter(({ parents }) => parents.length > 0);
  if (children.length === 0) return { steps: [], findings: [] };
  const change = (verb: string) =>
    children.flatMap(({ identifier, parents }) =>
      parents.map((parent) => `alter table ${identifier} ${verb} ${parent};`),
    );
  return {
    steps: [
      {
        title: "Tables that inherit stand on their own",
        up: change("no inherit"),
        down: change("inherit"),
      },
    ],
    findings: children.map(({ identifier, parents }) => ({
      level: "error",
      kind: "inheritance",
      object: `table ${identifier}`,
      reason: `It inherits from ${parents.join(", ")} no longer: reading that one does not show its rows any more.`,
      line: `-- a view of both, with (security_invoker = true): select … from ${parents.join(", ")} union all select … from ${identifier}`,
    })),
  };
}
