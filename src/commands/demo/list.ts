import type { Command } from "commander";
import { listDemoRequests, type DemoRequest } from "../../demo/request.ts";
import { RowhouseError } from "../../errors.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

interface ListOptions {
  readonly status?: string;
}

const STATES = ["open", "approved", "declined"] as const;
const MOST = 1000;

function readStatus(text: string | undefined): DemoRequest["status"] | undefined {
  const status = STATES.find((known) => known === text);
  if (text === undefined || status !== undefined) return status;
  throw new RowhouseError("usage", { message: `There is no status ${text}`, hint: STATES.join(", ") });
}

async function list(out: Output, options: ListOptions): Promise<void> {
  const status = readStatus(options.status);
  await using session = await openSession("demo list");
  const requests = await listDemoRequests(session.platform, { status, limit: MOST });
  const rows = requests.map(({ id, email, company, slug, status: state, createdAt }) => [
    id,
    email,
    company,
    slug ?? "",
    state,
    createdAt.slice(0, 10),
  ]);
  out.answer(
    requests,
    rows.length === 0 ? "" : formatTable(["ID", "E-MAIL", "COMPANY", "SLUG", "STATUS", "ASKED"], rows),
  );
  if (rows.length === 0) out.talk("No demo requests.");
}

export function registerDemoList(group: Command): void {
  const command = group
    .command("list")
    .alias("ls")
    .description("demo requests, the oldest first")
    .option("--status <name>", STATES.join(", "))
    .action(act<ListOptions>(list));
  addExamples(command, [["rowhouse demo list --status open", "those that wait"]]);
}
