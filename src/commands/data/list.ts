import type { Command } from "commander";
import { listData, removeData } from "../../auth/tenant-data.ts";
import { RowhouseError } from "../../errors.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

type Kind<T> = Parameters<typeof listData<T>>[2];

/** @throws RowhouseError usage */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RowhouseError("usage", {
      message: `${what} is not JSON: ${text.slice(0, 100)}`,
      hint: `Text stands in quotes of its own: '"text"'.`,
      cause,
    });
  }
}

/** `list` of one kind of data. @param nouns what the help calls several of them @param toRow one row's cells, under `head` */
export function registerList<T>(
  group: Command,
  kind: Kind<T>,
  nouns: string,
  toRow: (row: T) => string[],
  head: string[],
): void {
  const command = group
    .command("list <tenant>")
    .alias("ls")
    .description(`${nouns} of a tenant`)
    .action(
      act<unknown, [string]>(async (out: Output, _options, slug) => {
        await using session = await openSession(`${group.name()} list`);
        await using place = await openTenantDesk(session, slug);
        const rows = await listData(place.desk, place.actor, kind);
        out.answer(rows, rows.length === 0 ? "" : formatTable(head, rows.map(toRow)));
        if (rows.length === 0) out.talk(`No ${nouns} yet.`);
      }),
    );
  addExamples(command, [[`rowhouse ${group.name()} list acme`, "by name"]]);
}

/** `remove` of one kind of data, by its key. @param example arguments that the help shows after the tenant */
export function registerRemove<T>(group: Command, kind: Kind<T>, example: string): void {
  const command = group
    .command(`remove <tenant> <${kind.key}>`)
    .description(`remove a ${kind.noun}`)
    .action(
      act<unknown, [string, string]>(async (out: Output, _options, slug, name) => {
        await using session = await openSession(`${group.name()} remove`);
        await using place = await openTenantDesk(session, slug);
        await removeData(place.desk, place.actor, kind, name);
        out.answer({ tenant: slug, [kind.key]: name, removed: true }, `${name}  removed`);
      }),
    );
  addExamples(command, [[`rowhouse ${group.name()} remove acme ${example}`, "it counts at the next request"]]);
}
