import { randomUUID } from "node:crypto";
import type { ConnectionPool, DbClient } from "../db/connections.ts";
import { queryRows } from "../db/query.ts";
import { inPlatformTransaction, isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import type { Move, MoveFacts, MoveSettings, MoveState } from "./move.ts";

const time = (column: string) => `to_char(m.${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const COLUMNS = `m.id, m.tenant_id as "tenantId", m.slug, m.from_database as "from", m.to_database as "to", m.state,
  m.is_rollback as "isRollback", m.token, m.epoch::text as epoch, m.forward_name as "forwardName", m.reverse_name as "reverseName",
  m.settings, m.attempts, ${time("observe_until")} as "observeUntil", m.facts, m.error, m.actor,
  ${time("created_at")} as "createdAt", ${time("updated_at")} as "updatedAt", ${time("finished_at")} as "finishedAt"`;

export interface NewMove {
  readonly tenantId: string;
  readonly slug: string;
  readonly from: string;
  readonly to: string;
  readonly epoch: string;
  readonly settings: MoveSettings;
}

/** A name for one direction of a move; also unique among the slots of a whole cluster. */
export function makeName(): string {
  return `rowhouse_move_${randomUUID().replaceAll("-", "").slice(0, 16)}`;
}

/** @throws RowhouseError moveRunning when the tenant has a move that is not finished */
export async function insertMove(pool: ConnectionPool, wanted: NewMove, actor: string): Promise<Move> {
  const { tenantId, slug, from, to, epoch, settings } = wanted;
  try {
    return await inPlatformTransaction(pool, actor, async (client) => {
      // So that nobody removes one of them meanwhile.
      await client.query("select from platform.databases where name = any ($1) for share", [[from, to]]);
      const { rows } = await client.query<Move>(
        `insert into platform.moves as m (id, tenant_id, slug, from_database, to_database, state, token, epoch, forward_name, reverse_name, settings, actor)
         values ($1, $2, $3, $4, $5, 'planned', $6, $7, $8, $9, $10, $11) returning ${COLUMNS}`,
        [
          randomUUID(),
          tenantId,
          slug,
          from,
          to,
          randomUUID(),
          epoch,
          makeName(),
          makeName(),
          JSON.stringify(settings),
          actor,
        ],
      );
      await noteRun(client, rows[0]!);
      return rows[0]!;
    });
  } catch (error) {
    if (!(isDatabaseError(error) && error.code === "23505")) throw error;
    throw new RowhouseError("moveRunning", {
      message: `${slug} has a move that is not finished`,
      hint: `\`rowhouse moves show ${slug}\` tells how far it is, \`rowhouse moves resume ${slug}\` goes on with it.`,
      cause: error,
    });
  }
}

/** All moves, the latest first. */
export function listMoves(pool: ConnectionPool): Promise<Move[]> {
  return queryRows<Move>(pool, { text: `select ${COLUMNS} from platform.moves m order by m.created_at desc, m.id` });
}

/**
 * A move by its id, or the latest of a tenant by its slug.
 * @throws RowhouseError moveUnknown
 */
export async function findMove(pool: ConnectionPool, name: string): Promise<Move> {
  const [move] = await queryRows<Move>(pool, {
    text: `select ${COLUMNS} from platform.moves m where m.id::text = $1 or m.slug = $1 order by m.created_at desc limit 1`,
    values: [name],
  });
  if (move !== undefined) return move;
  throw new RowhouseError("moveUnknown", {
    message: `There is no move ${name}`,
    hint: "`rowhouse moves list` shows them: name one by its id, or the latest of a tenant by its slug.",
  });
}

/** The tenant's move that is not finished, if any. */
export async function findUnfinished(pool: ConnectionPool, tenantId: string): Promise<Move | undefined> {
  const [move] = await queryRows<Move>(pool, {
    text: `select ${COLUMNS} from platform.moves m where m.tenant_id = $1 and m.finished_at is null`,
    values: [tenantId],
  });
  return move;
}

/**
 * The moves whose time for the way back is over by the database's clock, the longest waiting first; and those that were given up
 * and have left something at a target.
 */
export function listDue(pool: ConnectionPool): Promise<Move[]> {
  return queryRows<Move>(pool, {
    text: `select ${COLUMNS} from platform.moves m where (m.state = 'observing' and m.observe_until <= now())
      or (m.state = 'aborted' and m.facts ->> 'left' is not null) order by m.observe_until, m.id`,
  });
}

/** Moves of the tenant that were given up and have left something at a target. */
export function listLeft(pool: ConnectionPool, tenantId: string): Promise<Move[]> {
  return queryRows<Move>(pool, {
    text: `select ${COLUMNS} from platform.moves m where m.tenant_id = $1 and m.state = 'aborted' and m.facts ->> 'left' is not null`,
    values: [tenantId],
  });
}

export interface MoveChange {
  readonly state?: MoveState;
  readonly facts?: MoveFacts;
  readonly attempts?: number;
  /** Seconds from now; null clears it. */
  readonly observeSeconds?: number | null;
  readonly error?: Move["error"];
}

/**
 * Changes the move as its present run: nobody else's.
 * @param details of the event that is kept when the state changes
 * @throws RowhouseError moveRunning when another run has taken the move over
 */
export function changeMove(
  pool: ConnectionPool,
  move: Move,
  change: MoveChange,
  details: Readonly<Record<string, unknown>> = {},
): Promise<Move> {
  return inPlatformTransaction(pool, move.actor, async (client) => {
    const { rows } = await client.query<Move>(
      `update platform.moves m set state = coalesce($3, m.state), facts = m.facts || coalesce($4::jsonb, '{}'),
         attempts = coalesce($5, m.attempts), error = $6::jsonb, updated_at = now(),
         observe_until = case when $7 then now() + $8 * interval '1 second' else m.observe_until end,
         finished_at = case when $3 in ('done', 'aborted') then now() else m.finished_at end
       where m.id = $1 and m.token = $2 returning ${COLUMNS}`,
      [
        move.id,
        move.token,
        change.state ?? null,
        change.facts === undefined ? null : JSON.stringify(change.facts),
        change.attempts ?? null,
        change.error === undefined || change.error === null ? null : JSON.stringify(change.error),
        change.observeSeconds !== undefined,
        change.observeSeconds ?? null,
      ],
    );
    if (rows[0] === undefined) throw takenOver(move);
    if (change.state !== undefined && change.state !== move.state) {
      await client.query("insert into platform.move_events (move_id, event, details) values ($1, $2, $3)", [
        move.id,
        change.state,
        JSON.stringify(details),
      ]);
    }
    return rows[0];
  });
}

/** The refusal of a run that is not the move's any more. */
export function takenOver({ slug }: Move): RowhouseError {
  return new RowhouseError("moveRunning", {
    message: `Another process has taken over the move of ${slug}`,
    hint: `\`rowhouse moves show ${slug}\` tells what it does.`,
  });
}

/** Sets limits anew for the runs to come. @throws RowhouseError moveRunning when another run has taken the move over meanwhile */
export function adjustMove(pool: ConnectionPool, move: Move, settings: Partial<MoveSettings>): Promise<Move> {
  return inPlatformTransaction(pool, move.actor, async (client) => {
    const { rows } = await client.query<Move>(
      `update platform.moves m set settings = m.settings || $3::jsonb, updated_at = now()
       where m.id = $1 and m.token = $2 and m.finished_at is null returning ${COLUMNS}`,
      [move.id, move.token, JSON.stringify(settings)],
    );
    if (rows[0] === undefined) throw takenOver(move);
    return rows[0];
  });
}

/** Makes the move this process's own: what an earlier one still does under its token changes nothing any more. */
export async function takeMove(pool: ConnectionPool, move: Move, actor: string): Promise<Move> {
  return inPlatformTransaction(pool, actor, async (client) => {
    const { rows } = await client.query<Move>(
      `update platform.moves m set token = $3, actor = $4, updated_at = now() where m.id = $1 and m.token = $2 and m.finished_at is null
       returning ${COLUMNS}`,
      [move.id, move.token, randomUUID(), actor],
    );
    if (rows[0] === undefined) throw takenOver(move);
    await noteRun(client, rows[0]);
    return rows[0];
  });
}

async function noteRun(client: DbClient, { id, token, actor }: Move): Promise<void> {
  await client.query("insert into platform.move_events (move_id, event, details) values ($1, 'run', $2)", [
    id,
    JSON.stringify({ token, actor }),
  ]);
}

/** Tokens of all runs that the move has had. */
export async function listTokens(pool: ConnectionPool, moveId: string): Promise<string[]> {
  const rows = await queryRows<{ token: string }>(pool, {
    text: "select details ->> 'token' as token from platform.move_events where move_id = $1 and event = 'run'",
    values: [moveId],
  });
  return rows.map(({ token }) => token);
}

/** A move whose target has become its source. */
export interface TurnedMove {
  readonly epoch: string;
  readonly state: MoveState;
  readonly forwardName: string;
  readonly reverseName: string;
}

/** Turns the move round: from and to are swapped, and what led back may lead forward. */
export function turnMove(pool: ConnectionPool, move: Move, turned: TurnedMove): Promise<Move> {
  return inPlatformTransaction(pool, move.actor, async (client) => {
    const { rows } = await client.query<Move>(
      `update platform.moves m set from_database = m.to_database, to_database = m.from_database, forward_name = $3, reverse_name = $4,
         is_rollback = not m.is_rollback, epoch = $5, state = $6, attempts = 0, error = null, updated_at = now()
       where m.id = $1 and m.token = $2 returning ${COLUMNS}`,
      [move.id, move.token, turned.forwardName, turned.reverseName, turned.epoch, turned.state],
    );
    if (rows[0] === undefined) throw takenOver(move);
    await client.query("insert into platform.move_events (move_id, event, details) values ($1, 'turned', $2)", [
      move.id,
      JSON.stringify({ from: rows[0].from, to: rows[0].to }),
    ]);
    return rows[0];
  });
}

export interface MoveEventRow {
  readonly at: string;
  readonly event: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What has happened, oldest first. */
export function listEvents(pool: ConnectionPool, moveId: string): Promise<MoveEventRow[]> {
  return queryRows<MoveEventRow>(pool, {
    text: `select ${time("at")} as at, m.event, m.details from platform.move_events m where m.move_id = $1 order by m.id`,
    values: [moveId],
  });
}
