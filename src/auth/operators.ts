import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { OperatorRole } from "./operator-permissions.ts";

/** Somebody who runs the deployment. */
export interface Operator {
  /** uuid */
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly role: OperatorRole;
  readonly isActive: boolean;
  /** ISO 8601 */
  readonly lastSignInAt: string | null;
  /** ISO 8601 */
  readonly createdAt: string;
}

/** The columns of `platform.operators o` that make an {@link Operator}. */
export const OPERATOR_COLUMNS = `o.id, o.email, o.name, o.role, o.is_active as "isActive",
  platform.time_text(o.last_sign_in_at) as "lastSignInAt", platform.time_text(o.created_at) as "createdAt"`;

/** How an operator stands in the audit trail. */
export const actorOf = ({ email }: Pick<Operator, "email">) => `operator:${email}`;

function unknownOperator(wanted: string): RowhouseError {
  return new RowhouseError("operatorUnknown", {
    message: `There is no operator ${wanted}`,
    hint: "`rowhouse operator list` shows them.",
  });
}

/** All operators, by e-mail address. */
export function listOperators(pool: ConnectionPool): Promise<Operator[]> {
  return queryRows<Operator>(pool, {
    text: `select ${OPERATOR_COLUMNS} from platform.operators o order by o.email`,
  });
}

export interface OperatorChange {
  readonly name?: string | null;
  readonly role?: OperatorRole;
  readonly isActive?: boolean;
}

/** Somebody has to be able to undo it. @throws RowhouseError operatorLast */
async function keepOwner(client: DbClient): Promise<void> {
  const { rowCount } = await client.query(
    "select from platform.operators where role = 'owner' and is_active order by id limit 1",
  );
  if (rowCount !== 0) return;
  throw new RowhouseError("operatorLast", { hint: "Make another operator owner first." });
}

/**
 * Changes an operator. Who is deactivated, or gets another role, is signed out.
 * @param wanted id or e-mail address
 * @throws RowhouseError operatorUnknown, operatorLast
 */
export function changeOperator(
  pool: ConnectionPool,
  wanted: string,
  change: OperatorChange,
  actor: string,
): Promise<Operator> {
  return inPlatformTransaction(pool, actor, async (client) => {
    // One change at a time, so that two owners can't deactivate each other.
    await client.query("select from platform.operators where role = 'owner' order by id for update");
    const { rows } = await client.query<Operator>(
      `update platform.operators o set name = case when $2 then $3 else o.name end, role = coalesce($4, o.role),
         is_active = coalesce($5, o.is_active), updated_at = now()
       where o.id::text = $1 or o.email = lower($1) returning ${OPERATOR_COLUMNS}`,
      [wanted, change.name !== undefined, change.name ?? null, change.role ?? null, change.isActive ?? null],
    );
    const operator = rows[0];
    if (operator === undefined) throw unknownOperator(wanted);
    await keepOwner(client);
    if (change.role !== undefined || change.isActive === false) {
      await client.query(
        "update platform.operator_sessions set revoked_at = now() where operator_id = $1 and revoked_at is null",
        [operator.id],
      );
    }
    return operator;
  });
}
