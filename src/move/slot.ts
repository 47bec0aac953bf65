import { setTimeout as sleep } from "node:timers/promises";
import { isDatabaseError } from "../db/transaction.ts";
import type { Endpoint, MoveSession } from "./endpoint.ts";

export interface ExportedSlot {
  /** What `set transaction snapshot` takes: the rows at the point where the slot begins. */
  readonly snapshot: string;
  /** Keeps the snapshot alive until it ends. */
  readonly session: MoveSession;
}

/**
 * Makes a slot and exports the snapshot that its changes begin after. Waits for every transaction of the server that has an id.
 * @param name of our making: the replication protocol takes no parameters
 */
export async function createExportedSlot({ database }: Endpoint, name: string): Promise<ExportedSlot> {
  if (!/^[a-z0-9_]{1,63}$/.test(name)) throw new TypeError(`Not a slot's name: ${name}`);
  const session = await database.connectReplication();
  try {
    const { rows } = await session.query<{ snapshot_name: string }>(
      `CREATE_REPLICATION_SLOT "${name}" LOGICAL pgoutput (SNAPSHOT 'export')`,
    );
    return { snapshot: rows[0]!.snapshot_name, session };
  } catch (error) {
    await session.end().catch(() => {});
    throw error;
  }
}

/** A slot without a snapshot, unless it is there. */
export async function createSlot({ owner }: Endpoint, name: string): Promise<void> {
  await owner.query(
    `select pg_create_logical_replication_slot($1, 'pgoutput')
     where not exists (select from pg_replication_slots where slot_name = $1)`,
    [name],
  );
}

const RELEASE_MS = 30_000;

/** Drops a slot, ending the process that reads from it if there still is one (55006: object in use). */
export async function dropSlot({ owner }: Pick<Endpoint, "owner">, name: string): Promise<void> {
  const deadline = performance.now() + RELEASE_MS;
  while (true) {
    try {
      await owner.query("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1", [
        name,
      ]);
      return;
    } catch (error) {
      if (!(isDatabaseError(error) && error.code === "55006") || performance.now() > deadline) throw error;
    }
    await owner.query(
      "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active_pid is not null",
      [name],
    );
    await sleep(20);
  }
}

/**
 * Moves the slot past all that this server has applied so far, so that it sends back nothing that came from the other side.
 * Everything before must have been flushed: the slot goes no further than that (manual, 9.28.6).
 */
export async function advanceSlot({ owner }: Endpoint, name: string): Promise<void> {
  await owner.query("select pg_replication_slot_advance($1, pg_current_wal_insert_lsn())", [name]);
}
