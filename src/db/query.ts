import { RowhouseError } from "../errors.ts";
import { preparesNames, type ConnectionPool } from "./connections.ts";
import { isDatabaseError, translateError } from "./transaction.ts";

export interface Query {
  /** Name to prepare it under; unprepared without one. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/**
 * One statement of the control plane, outside of any transaction.
 * @returns its rows
 * @throws RowhouseError busy, databaseUnavailable, or what the SQL raised; DatabaseError for the rest
 */
export async function queryRows<Row extends object>(pool: ConnectionPool, query: Query): Promise<Row[]> {
  try {
    const name = preparesNames(pool) ? query.name : undefined;
    const { rows } = await pool.query<Row>({ name, text: query.text, values: [...(query.values ?? [])] });
    return rows;
  } catch (error) {
    // 57P01 to 05: the server goes away; 53: it takes no more connections. Either may come while connecting.
    if (isDatabaseError(error) && !/^(53|57P)/.test(error.code ?? "")) throw translateError(error);
    const isBusy = error instanceof Error && error.message.startsWith("timeout exceeded");
    throw new RowhouseError(isBusy ? "busy" : "databaseUnavailable", { cause: error });
  }
}
