import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { readEmail } from "./email.ts";
import { digestOf, newToken } from "./opaque.ts";
import { OPERATOR_COLUMNS, type Operator } from "./operators.ts";
import type { OperatorRole } from "./operator-permissions.ts";
import { checkPassword } from "./password-policy.ts";
import { hashPassword } from "./password.ts";

/** What lets somebody in as an operator, once. */
export interface OperatorLink {
  /** Shown once; the database keeps its digest. */
  readonly token: string;
  /** Null where whoever comes says it. */
  readonly email: string | null;
  readonly role: OperatorRole;
  /** ISO 8601 */
  readonly expiresAt: string;
}

const LIFETIME = "24 hours";

/**
 * Where a link leads. The token is in the fragment, which browsers send to no server. Pure.
 * @param origin of the platform, as `https://admin.example.com`
 */
export const operatorLink = (origin: string, { token }: Pick<OperatorLink, "token">): string =>
  `${origin}/operator#${token}`;

async function writeLink(
  client: DbClient,
  email: string | null,
  role: OperatorRole,
  actor: string,
): Promise<OperatorLink> {
  const { token, digest } = newToken("operator-link");
  const { rows } = await client.query<{ expiresAt: string }>(
    `insert into platform.operator_links (hash, email, role, created_by, expires_at) values ($1, $2, $3, $4, now() + $5::interval)
     returning platform.time_text(expires_at) as "expiresAt"`,
    [digest, email, role, actor, LIFETIME],
  );
  return { token, email, role, expiresAt: rows[0]!.expiresAt };
}

/**
 * The link for the first operator, who becomes an owner and says who it is.
 * @returns null when there are operators
 */
export function linkFirstOperator(pool: ConnectionPool, actor: string): Promise<OperatorLink | null> {
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rowCount } = await client.query("select from platform.operators limit 1");
    return rowCount === 0 ? writeLink(client, null, "owner", actor) : null;
  });
}

export interface OperatorInvitation {
  readonly email: string;
  readonly role: OperatorRole;
  /** For an operator that exists: a new password, and the role as it is. */
  readonly again?: boolean;
}

/**
 * @throws RowhouseError bodyInvalid for an e-mail address that is none, operatorExists
 */
export function inviteOperator(
  pool: ConnectionPool,
  { email, role, again = false }: OperatorInvitation,
  actor: string,
): Promise<OperatorLink> {
  const address = readEmail(email);
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rows } = await client.query<{ role: OperatorRole }>(
      "select role from platform.operators where email = $1",
      [address],
    );
    if (rows[0] !== undefined && !again) {
      throw new RowhouseError("operatorExists", {
        message: `${address} is an operator already`,
        hint: `\`rowhouse operator invite ${address}\` on the server makes a link for a new password.`,
      });
    }
    // Whoever was invited before has one good link, the last one.
    await client.query("delete from platform.operator_links where email = $1 and used_at is null", [address]);
    return writeLink(client, address, rows[0]?.role ?? role, actor);
  });
}

export interface Acceptance {
  readonly token: string;
  /** Only the first operator's counts: other links know whose they are. */
  readonly email?: string;
  readonly name?: string;
  readonly password: string;
}

const GOOD = `l.hash = $1 and l.used_at is null and l.expires_at > now()
  and (l.email is not null or not exists (select from platform.operators))`;

const invalid = () =>
  new RowhouseError("linkInvalid", { hint: "`rowhouse operator invite` on the server makes a new one." });

/** Whom a link makes an operator: its address. @throws RowhouseError linkInvalid, bodyInvalid */
async function readAddress(pool: ConnectionPool, { token, email }: Acceptance): Promise<string> {
  const [link] = await queryRows<{ email: string | null }>(pool, {
    text: `select l.email from platform.operator_links l where ${GOOD}`,
    values: [digestOf("operator-link", token)],
  });
  if (link === undefined) throw invalid();
  if (link.email !== null) return link.email;
  if (email !== undefined) return readEmail(email);
  throw new RowhouseError("bodyInvalid", {
    message: "The first operator needs an e-mail address",
    hint: "Send email.",
  });
}

/** Nobody else gets it: the row stays locked until the transaction ends. @throws RowhouseError linkInvalid */
async function useLink(client: DbClient, token: string): Promise<OperatorRole> {
  const { rows } = await client.query<{ role: OperatorRole }>(
    `update platform.operator_links l set used_at = now() where ${GOOD} returning l.role`,
    [digestOf("operator-link", token)],
  );
  if (rows[0] === undefined) throw invalid();
  return rows[0].role;
}

/**
 * Makes the operator whom the link was made for, or gives one that there is a new password, whose sessions end. A password that is refused
 * leaves the link as it is.
 * @throws RowhouseError linkInvalid, passwordWeak, bodyInvalid without an e-mail address that is needed, busy
 */
export async function acceptLink(pool: ConnectionPool, given: Acceptance): Promise<Operator> {
  const address = await readAddress(pool, given);
  const password = await hashPassword(checkPassword(given.password, address));
  return inPlatformTransaction(pool, "operator:link", async (client) => {
    // Two first operators at once, each by a link of their own, are one: the second finds the first.
    await client.query("lock table platform.operators in share row exclusive mode");
    const role = await useLink(client, given.token);
    await client.query("select platform.act_as($1)", [`operator:${address}`]);
    const { rows } = await client.query<Operator>(
      `insert into platform.operators as o (email, name, role, password) values ($1, $2, $3, $4)
       on conflict (email) do update set password = excluded.password, name = coalesce(excluded.name, o.name), updated_at = now()
       returning ${OPERATOR_COLUMNS}`,
      [address, given.name ?? null, role, password],
    );
    const operator = rows[0]!;
    await client.query(
      "update platform.operator_sessions set revoked_at = now() where operator_id = $1 and revoked_at is null",
      [operator.id],
    );
    return operator;
  });
}
