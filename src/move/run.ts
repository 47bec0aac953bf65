import type { ConnectionPool, Database } from "../db/connections.ts";
import type { TenantTable } from "../db/tables.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Move, MoveEvent, MoveFacts, MoveState } from "./move.ts";
import { changeMove, type MoveChange } from "./store.ts";

/** Where moves are kept, and who moves. */
export interface MoveSite {
  /** The database that holds the registry. */
  readonly home: Database;
  /** Connections of rowhouse_platform to it. */
  readonly platform: ConnectionPool;
  readonly actor: string;
}

export interface RunOptions {
  readonly onEvent?: (event: MoveEvent) => void;
  /** Ends the run at the next step; the move stays where it is, and can be resumed. */
  readonly signal?: AbortSignal;
  /** Close the window for the way back now. */
  readonly finish?: boolean;
  /** Called at each boundary between two things that a crash may part, with its name. For tests that crash there. */
  readonly atPoint?: (name: string) => void | Promise<void>;
}

/** One process's work on one move: what every step gets. */
export interface Run {
  readonly site: MoveSite;
  readonly options: RunOptions;
  readonly source: Endpoint;
  readonly target: Endpoint;
  /** Of the source, in the order of foreign keys. */
  readonly tables: readonly TenantTable[];
  /** Tokens of the runs before this one. */
  readonly formerTokens: readonly string[];
  /** As last changed by this run. */
  move: Move;
}

/** The state to go on with; null: there is nothing to do for now. */
export type Step = (run: Run) => Promise<MoveState | null>;

export function emit({ options }: Run, event: MoveEvent): void {
  options.onEvent?.(event);
}

export async function point({ options }: Pick<Run, "options">, name: string): Promise<void> {
  await options.atPoint?.(name);
}

export async function change(run: Run, wanted: MoveChange, details: Record<string, unknown> = {}): Promise<void> {
  const before = run.move.state;
  run.move = await changeMove(run.site.platform, run.move, wanted, details);
  if (run.move.state !== before) emit(run, { event: "state", state: run.move.state, details });
}

export async function addFacts(run: Run, facts: MoveFacts): Promise<void> {
  await change(run, { facts });
  emit(run, { event: "facts", facts });
}
