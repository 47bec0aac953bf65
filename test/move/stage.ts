import { expect } from "vitest";
import type { Move } from "../../src/move/move.ts";
import { runMove } from "../../src/move/mover.ts";
import { abort, resume } from "../../src/move/operation.ts";
import type { MoveSite } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { findMove, listMoves } from "../../src/move/store.ts";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { leftovers } from "./leftovers.ts";
import { PATIENCE_SECONDS } from "./patience.ts";

type Side = TestDatabase | DedicatedDatabase;

/** Two databases of one server, without servers or clients, for moves that something happens to. */
export interface Stage extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly big: DedicatedDatabase;
  readonly site: MoveSite;
  side(name: string): Side;
  /** Name of the database that the registry has the tenant in. */
  placement(slug: string): Promise<string>;
  /** Writes down a move to the other database. */
  begin(slug: string): Promise<Move>;
  /** Runs the move up to a point, and stops there. */
  runTo(move: Move, name: string): Promise<Move>;
  /** One command, and the move is over, with nothing of it left. */
  finish(slug: string): Promise<void>;
  /** Rows of the tenant in app.customers. */
  count(side: Side, tenantId: string): Promise<number>;
  /** What a test that failed has left would fail the next. */
  tidy(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const db = await testDatabase();
  const big = await db.dedicated("big1", "shared");
  const site = { home: db.database, platform: db.platform, actor: "operator:test" };
  const placement = async (slug: string) => (await db.tenant(slug)).movedTo ?? "shared";
  return {
    db,
    big,
    site,
    placement,
    side: (name) => (name === "shared" ? db : big),
    begin: async (slug) => {
      const to = (await placement(slug)) === "shared" ? "big1" : "shared";
      const move = await startMove(site, { slug, to, settings: { patienceSeconds: PATIENCE_SECONDS } });
      return move!;
    },
    runTo: async (move, name) => {
      const stop = new Error("stopped by the test");
      const atPoint = (reached: string) => {
        if (reached === name) throw stop;
      };
      await expect(runMove(site, move, { atPoint })).rejects.toBe(stop);
      return findMove(db.platform, move.id);
    },
    finish: async (slug) => {
      expect((await resume(site, slug, { finish: true })).state).toBe("done");
      expect(await leftovers([db, big])).toEqual([]);
    },
    count: async ({ admin }, tenantId) => {
      const { rows } = await admin.query<{ count: number }>(
        "select count(*)::int as count from app.customers where tenant_id = $1",
        [tenantId],
      );
      return rows[0]!.count;
    },
    tidy: async () => {
      for (const { slug, finishedAt } of await listMoves(db.platform))
        if (finishedAt === null) await resume(site, slug, { finish: true }).catch(() => abort(site, slug));
    },
    [Symbol.asyncDispose]: () => db.close(),
  };
}
