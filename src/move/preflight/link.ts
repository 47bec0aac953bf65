import { randomUUID } from "node:crypto";
import { isDatabaseError } from "../../db/transaction.ts";
import type { Endpoint } from "../endpoint.ts";
import { makeFinding, type MoveFinding } from "./finding.ts";

/**
 * Has `subscriber`'s own server connect to `publisher`, as it will for the move, with the same address and password: the making of
 * a subscription does that, and of this one nothing is kept. It asks for no slot, and takes none.
 * @returns what libpq said; null when it worked
 */
async function tryLink(subscriber: Endpoint, publisher: Endpoint): Promise<string | null> {
  const { owner } = subscriber;
  await owner.query("begin");
  try {
    // The text holds a password: in no log. And nobody cares that there is no such publication.
    await owner.query("set local log_statement = 'none'; set local log_min_duration_statement = -1");
    await owner.query("set local log_min_error_statement = 'panic'; set local client_min_messages = 'error'");
    const name = `rowhouse_preflight_${randomUUID().replaceAll("-", "").slice(0, 16)}`;
    const { rows } = await owner.query<{ text: string }>(
      `select format('create subscription %I connection %L publication %I
         with (connect = true, enabled = false, create_slot = false, copy_data = false)', $1::text, $2::text, $1::text) as text`,
      [name, publisher.database.replicationConninfo(publisher.peer)],
    );
    await owner.query(rows[0]!.text);
    return null;
  } catch (error) {
    if (isDatabaseError(error)) return error.message.replaceAll(/\s+/g, " ");
    throw error;
  } finally {
    await owner.query("rollback");
  }
}

function describeLink(subscriber: Endpoint, publisher: Endpoint, problem: string): MoveFinding {
  const address = publisher.peer ?? publisher.database.address;
  const fix =
    `On the server of ${subscriber.name}, ${address} must lead to ${publisher.name}: set the address at which databases reach it (\`--peer host:port\`), ` +
    `and in its pg_hba.conf allow rowhouse_mover from there: host <database> rowhouse_mover <address> scram-sha-256`;
  return makeFinding("link_down", subscriber.name, `${subscriber.name} → ${publisher.name}`, `${problem}.`, fix);
}

/** Whether each server reaches the other: the target for the move, the source for the way back. */
export async function checkLinks(source: Endpoint, target: Endpoint): Promise<MoveFinding[]> {
  const findings: MoveFinding[] = [];
  for (const [subscriber, publisher] of [
    [target, source],
    [source, target],
  ] as const) {
    const problem = await tryLink(subscriber, publisher);
    if (problem !== null) findings.push(describeLink(subscriber, publisher, problem));
  }
  return findings;
}
