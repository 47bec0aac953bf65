import type { AdoptFinding } from "./finding.ts";
import type { Rule, Schema, Table, View } from "./schema.ts";
import type { Planned, Step } from "./step.ts";

/** The statement that a rule runs instead; null when it is none, more than one, or runs beside the original. */
function actionOf({ definition, instead, isConditional }: Rule): string | null {
  const at = definition.search(/\bDO INSTEAD\b/);
  if (!instead || isConditional || at < 0) return null;
  const action = definition
    .slice(at + "DO INSTEAD".length)
    .trim()
    .replace(/;\s*$/, "");
  return action.startsWith("(") || action.includes(";") ? null : action.trim();
}

/** A body that does what the rule did. With RETURNING, the columns come back in the view's order, as the rule had to give them. */
function bodyOf(action: string, event: Rule["event"]): string {
  const row = event === "delete" ? "old" : "new";
  if (action === "NOTHING") return "begin\n  return null;\nend";
  const into = /\bRETURNING\b/.test(action) && event !== "delete" ? "\n  into new" : "";
  return `begin\n  ${action}${into};\n  return ${row};\nend`;
}

const inSchema = (identifier: string, schema: string, name: string) => {
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  const head = identifier.startsWith(quoted) ? quoted : schema;
  return `${head}."${name.replaceAll('"', '""')}"`;
};

/** An INSTEAD OF trigger does for each row what the rule did, with its caller's rights and not the owner's. */
function convert(view: View, rule: Rule, action: string): Step {
  const name = `${rule.name.replaceAll('"', "")}_${rule.event}`.slice(0, 60);
  const called = inSchema(view.identifier, view.schema, name);
  const trigger = `"${name}"`;
  return {
    title: `The rule ${rule.name} of ${view.identifier} becomes a trigger`,
    up: [
      `drop rule ${rule.name} on ${view.identifier};`,
      `create function ${called}() returns trigger language plpgsql as $rule$\n${bodyOf(action, rule.event)}\n$rule$;`,
      `create trigger ${trigger} instead of ${rule.event} on ${view.identifier} for each row execute function ${called}();`,
    ],
    down: [`drop trigger ${trigger} on ${view.identifier};`, `drop function ${called}();`, rule.definition],
  };
}

function drop(relation: string, rule: Rule): Step {
  return {
    title: `The rule ${rule.name} of ${relation} has no place`,
    up: [`drop rule ${rule.name} on ${relation};`],
    down: [rule.definition],
  };
}

function describeDropped(relation: string, rule: Rule): AdoptFinding {
  return {
    level: "error",
    kind: "rule",
    object: `rule ${rule.name} on ${relation}`,
    reason: "It was dropped: rules run with their owner's rights, and change what a statement does unseen.",
    line: `-- a trigger that does the same: ${rule.definition.replaceAll(/\s+/g, " ")}`,
  };
}

/** Rewrite rules run with the rights of the relation's owner, which is what isolation can't have. Pure. */
export function planRules(schema: Schema, tables: readonly Table[]): Planned {
  const steps: Step[] = [];
  const findings: AdoptFinding[] = [];
  for (const { identifier, rules } of tables) {
    for (const rule of rules) {
      steps.push(drop(identifier, rule));
      findings.push(describeDropped(identifier, rule));
    }
  }
  for (const view of schema.views) {
    for (const rule of view.rules) {
      const action = rule.event === "select" ? null : actionOf(rule);
      steps.push(action === null ? drop(view.identifier, rule) : convert(view, rule, action));
      findings.push(
        action === null
          ? describeDropped(view.identifier, rule)
          : {
              level: "info",
              kind: "rule",
              object: `rule ${rule.name} on ${view.identifier}`,
              reason: "It became an INSTEAD OF trigger, which runs with its caller's rights.",
              line: "",
            },
      );
    }
  }
  return { steps, findings };
}
