import { finishTable, readSpool, type Packing } from "./pack.ts";
import { renderSqlFile } from "./restore-sql.ts";

/** One script for psql, with the rows in it. */
export async function* packSql(packing: Packing): AsyncGenerator<Buffer> {
  const { begin, tables, end } = renderSqlFile(packing.facts, packing.shapes);
  yield Buffer.from(begin);
  for (const [index, { before, after }] of tables.entries()) {
    yield Buffer.from(before);
    yield* readSpool(packing, index); // a line of text COPY can't be `\.`: backslashes in values are doubled
    yield Buffer.from(after);
    await finishTable(packing, index);
  }
  yield Buffer.from(end);
}
