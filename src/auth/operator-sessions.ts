import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { digestOf, newToken } from "./opaque.ts";
import { OPERATOR_COLUMNS, actorOf, type Operator } from "./operators.ts";
import { checkAgainst, hashPassword } from "./password.ts";
import type { Visitor } from "./sessions.ts";

/** Tells one at a glance, and keeps it from being taken for a tenant's token or key: those never begin so. */
const PREFIX = "rhop_";
const TOKEN = /^rhop_[\w-]{43}$/;
const LIFETIME = "12 hours";

/** A sign-in of an operator. */
export interface OperatorSession {
  /** Shown once. */
  readonly token: string;
  /** ISO 8601 */
  readonly expiresAt: string;
  readonly operator: Operator;
}

async function writeSession(
  client: DbClient,
  operator: Operator,
  { address, userAgent }: Visitor,
): Promise<OperatorSession> {
  const { token, digest } = newToken("operator");
  const { rows } = await client.query<{ expiresAt: string }>(
    `insert into platform.operator_sessions (operator_id, hash, expires_at, address, user_agent)
     values ($1, $2, now() + $3::interval, $4::inet, $5)
     returning platform.time_text(expires_at) as "expiresAt"`,
    [operator.id, digest, LIFETIME, address, userAgent?.slice(0, 500) ?? null],
  );
  return { token: PREFIX + token, expiresAt: rows[0]!.expiresAt, operator };
}

/** Begins a session for somebody who has just proved who it is. */
export function openOperatorSession(
  pool: ConnectionPool,
  operator: Operator,
  visitor: Visitor,
): Promise<OperatorSession> {
  return inPlatformTransaction(pool, actorOf(operator), async (client) => {
    await client.query("update platform.operators set last_sign_in_at = clock_timestamp() where id = $1", [
      operator.id,
    ]);
    return writeSession(client, operator, visitor);
  });
}

/**
 * The same answer after the same time, whether there is such an operator or not (threats.md, H24). Whoever calls it counts attempts.
 * @throws RowhouseError credentialsWrong, busy
 */
export async function signInOperator(
  pool: ConnectionPool,
  given: { readonly email: string; readonly password: string },
  visitor: Visitor,
): Promise<OperatorSession> {
  const [found] = await queryRows<Operator & { password: string }>(pool, {
    text: `select ${OPERATOR_COLUMNS}, o.password from platform.operators o where o.email = lower($1)`,
    values: [given.email.trim()],
  });
  const { matches, isStale } = await checkAgainst(given.password, found?.password ?? null);
  if (!matches || found === undefined || !found.isActive) throw new RowhouseError("credentialsWrong");
  const { password: _, ...operator } = found;
  if (isStale) {
    const password = await hashPassword(given.password);
    await queryRows(pool, {
      text: "update platform.operators set password = $2 where id = $1 and password = $3",
      values: [operator.id, password, found.password],
    });
  }
  return openOperatorSession(pool, operator, visitor);
}

export interface AuthenticatedOperator {
  readonly operator: Operator;
  readonly sessionId: string;
}

const SESSION = `select ${OPERATOR_COLUMNS}, s.id as "sessionId"
  from platform.operator_sessions s join platform.operators o on o.id = s.operator_id
  where s.hash = $1 and s.revoked_at is null and s.expires_at > now() and o.is_active`;

/**
 * Asks the database every time: what was ended or deactivated is refused at the next request.
 * @throws RowhouseError operatorUnauthorized
 */
export async function authenticateOperator(pool: ConnectionPool, token: string | null): Promise<AuthenticatedOperator> {
  const hint = "Sign in: POST /platform/v1/sessions with email and password, and send its token as a bearer token.";
  if (token === null)
    throw new RowhouseError("operatorUnauthorized", { message: "The request carries no operator's token", hint });
  const isOurs = TOKEN.test(token);
  const rows = isOurs
    ? await queryRows<Operator & { sessionId: string }>(pool, {
        name: "rowhouse_operator",
        text: SESSION,
        values: [digestOf("operator", token.slice(PREFIX.length))],
      })
    : [];
  if (rows[0] === undefined) {
    throw new RowhouseError("operatorUnauthorized", {
      message: isOurs ? "The operator's session is over" : "The token is not an operator's",
      hint,
    });
  }
  const { sessionId, ...operator } = rows[0];
  return { operator, sessionId };
}

/** Its token is refused from the next request on; nothing when it has ended already. @param sessionId uuid */
export async function endOperatorSession(pool: ConnectionPool, sessionId: string): Promise<void> {
  await queryRows(pool, {
    text: "update platform.operator_sessions set revoked_at = now() where id = $1 and revoked_at is null",
    values: [sessionId],
  });
}
