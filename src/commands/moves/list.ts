import type { Command } from "commander";
import type { Move } from "../../move/move.ts";
import { reportMove } from "../../move/report.ts";
import { listMoves } from "../../move/store.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

interface ListOptions {
  readonly unfinished?: boolean;
}

function rowOf({ slug, from, to, state, isRollback, createdAt, facts, id }: Move): string[] {
  const fence = facts.fence === undefined ? "" : `${facts.fence.activatedMs.toFixed(1)} ms`;
  const rows = facts.copied?.rows.toLocaleString("en") ?? "";
  return [slug, from, to, `${state}${isRollback ? " (rollback)" : ""}`, `${createdAt.slice(0, 19)}Z`, rows, fence, id];
}

async function list(out: Output, { unfinished }: ListOptions): Promise<void> {
  await using session = await openSession("moves list");
  const all = await listMoves(session.platform);
  const moves = unfinished === true ? all.filter(({ finishedAt }) => finishedAt === null) : all;
  const headings = ["TENANT", "FROM", "TO", "STATE", "BEGUN", "ROWS", "FENCE", "ID"];
  out.answer(moves.map(reportMove), moves.length === 0 ? "" : formatTable(headings, moves.map(rowOf)));
  if (moves.length === 0) out.talk("No moves. `rowhouse promote <tenant> --to <database>` makes one.");
}

export function registerList(group: Command): void {
  const command = group
    .command("list")
    .alias("ls")
    .description("all moves, the latest first")
    .option("--unfinished", "those alone that are not over")
    .action(act<ListOptions>(list));
  addExamples(command, [
    ["rowhouse moves list", "one line each"],
    ["rowhouse moves list --unfinished --json | jq -r '.[].slug'", "tenants on their way, or that may still go back"],
  ]);
}
