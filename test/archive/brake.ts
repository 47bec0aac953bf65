import { expect } from "vitest";
import type { DbRole } from "../../src/db/connections.ts";
import type { TestDatabase } from "../harness.ts";

/** Stops an export or a restore in the midst of its work, for as long as a test needs. */
export interface Brake extends AsyncDisposable {
  /** Comes back when a session is stopped. @returns its statement */
  reached(): Promise<string>;
  /** Lets it go on. */
  release(): Promise<void>;
}

/** Any number: advisory locks are each database's own. */
const LOCK = 4711;

/**
 * Stops the role where it reads the first row of app.expenses, by a policy that shows nothing more and waits. One that shows the row
 * would make this one needless: PostgreSQL asks the last by name first.
 */
export async function brakeReaders({ admin }: Pick<TestDatabase, "admin">, role: DbRole): Promise<Brake> {
  await admin.query(
    `create function public.brake() returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp
       as $$ begin perform pg_advisory_xact_lock_shared(${LOCK}); return false; end $$;
     create policy z_brake on app.expenses for select to ${role} using (public.brake());
     select pg_advisory_lock(${LOCK})`,
  );
  const statement = async () => {
    const { rows } = await admin.query<{ query: string }>(
      "select query from pg_stat_activity where datname = current_database() and usename = $1 and wait_event = 'advisory'",
      [role],
    );
    return rows[0]?.query ?? "";
  };
  const release = async () => void (await admin.query("select pg_advisory_unlock_all()"));
  return {
    reached: async () => {
      await expect.poll(statement).not.toBe("");
      return statement();
    },
    release,
    [Symbol.asyncDispose]: async () => {
      await release();
      await admin.query("drop function public.brake() cascade");
    },
  };
}

/** How many wait for a lock on the table. Its oid alone would not do: databases that were copied share it. */
export async function waitersFor({ admin }: Pick<TestDatabase, "admin">, table: string): Promise<number> {
  const { rows } = await admin.query<{ waiters: number }>(
    `select count(*)::int as waiters from pg_locks where not granted and relation = $1::regclass
       and database = (select oid from pg_database where datname = current_database())`,
    [table],
  );
  return rows[0]!.waiters;
}
