import type { FenceFacts, Move, MoveEvent, MoveState } from "../../move/move.ts";
import type { TableSize } from "../../move/size.ts";

/** The parts of a move that people are shown, in their order. */
export const PHASES = ["prepare", "copy", "verify", "cut over", "way back", "clean up"] as const;
export type Phase = (typeof PHASES)[number];

const PHASE_OF: Readonly<Record<MoveState, Phase | null>> = {
  planned: "prepare",
  published: "copy",
  copying: "copy",
  subscribed: "verify",
  caught_up: "verify",
  ready: "cut over",
  fencing: "cut over",
  committed: "cut over",
  activated: "cut over",
  flipped: "way back",
  reversing: "way back",
  observing: "clean up",
  done: null,
  aborted: null,
};

/** What is worked on in this state; null when the move is over. Pure. */
export function phaseOf(state: MoveState): Phase | null {
  return PHASE_OF[state];
}

interface CopiedTable {
  readonly rows: number;
  readonly bytes: number;
  readonly done: boolean;
}

/** How far a move is, put together from its events. Times are milliseconds of one clock. */
export interface MoveView {
  readonly slug: string;
  readonly from: string;
  readonly to: string;
  readonly state: MoveState;
  /** A rollback has nothing to copy. */
  readonly isRollback: boolean;
  /** When each phase began, as far as this process has seen it. */
  readonly began: Partial<Readonly<Record<Phase, number>>>;
  readonly startedAt: number;
  /** As planned, by table. */
  readonly sizes: ReadonlyMap<string, TableSize>;
  /** Null: nobody has counted. */
  readonly total: { readonly rows: number; readonly bytes: number } | null;
  readonly copied: ReadonlyMap<string, CopiedTable>;
  /** Rows that were compared, or removed, in the present phase. */
  readonly worked: number;
  /** The last watermark's way, in milliseconds; null while none came in time. */
  readonly lagMs: number | null | undefined;
  /** Expected before, measured after the cutover. */
  readonly expectedFenceMs: number | null;
  readonly fence: FenceFacts | null;
  readonly verified: Move["facts"]["verified"];
  /** What went other than wished, last. */
  readonly remark: string | null;
}

/** Pure. @param sizes of the plan, when there is one */
export function beginView(move: Move, now: number, sizes: readonly TableSize[] = []): MoveView {
  const { slug, from, to, state, isRollback, facts } = move;
  const phase = phaseOf(state);
  const total = facts.copied ?? facts.planned ?? null;
  return {
    slug,
    from,
    to,
    state,
    isRollback,
    began: phase === null ? {} : { [phase]: now },
    startedAt: now,
    sizes: new Map(sizes.map((size) => [size.table, size])),
    total: total === null ? null : { rows: total.rows, bytes: total.bytes },
    copied: new Map(),
    worked: 0,
    lagMs: undefined,
    expectedFenceMs: facts.planned?.fenceMs ?? null,
    // A rollback's own cutover is still to come.
    fence: isRollback && phase !== "clean up" ? null : (facts.fence ?? null),
    verified: facts.verified,
    remark: null,
  };
}

/** COPY counts the rows of a table when it ends: until then they are told from the bytes. */
function copiedTable(view: MoveView, event: Extract<MoveEvent, { event: "copy" }>): CopiedTable {
  const { rows, bytes, done } = event;
  const size = view.sizes.get(event.table);
  if (done || rows > 0 || size === undefined || size.bytes === 0) return { rows, bytes, done };
  return { rows: Math.floor(size.rows * Math.min(1, bytes / size.bytes)), bytes, done };
}

/** Pure. */
export function applyEvent(view: MoveView, event: MoveEvent, now: number): MoveView {
  switch (event.event) {
    case "state": {
      const phase = phaseOf(event.state);
      const isNew = phase !== phaseOf(view.state);
      const copied = event.state === "copying" ? new Map<string, CopiedTable>() : view.copied;
      const began = phase === null || !isNew ? view.began : { ...view.began, [phase]: now };
      return { ...view, state: event.state, copied, began, worked: isNew ? 0 : view.worked, remark: null };
    }
    case "copy":
      return { ...view, copied: new Map(view.copied).set(event.table, copiedTable(view, event)) };
    case "verify":
    case "remove":
      return { ...view, worked: view.worked + event.rows };
    case "lag":
      return { ...view, lagMs: event.ms };
    case "fence_missed":
      return { ...view, remark: `attempt ${event.attempt}: ${event.reason}` };
    case "retry":
      return { ...view, remark: event.reason };
    case "turned": {
      const { from, to, isRollback } = event;
      return {
        ...view,
        from,
        to,
        isRollback,
        state: "subscribed",
        began: { verify: now },
        fence: null,
        worked: 0,
        remark: null,
      };
    }
    case "facts":
      return { ...view, ...ofFacts(view, event.facts) };
  }
}

function ofFacts(view: MoveView, { copied, fence, verified, planned }: Move["facts"]): Partial<MoveView> {
  const total = copied ?? planned;
  return {
    ...(total !== undefined && { total: { rows: total.rows, bytes: total.bytes } }),
    ...(planned !== undefined && { expectedFenceMs: planned.fenceMs }),
    // Until then it is what the way there took.
    ...(fence !== undefined && !(view.isRollback && phaseOf(view.state) === "verify") && { fence }),
    ...(verified !== undefined && { verified }),
  };
}

export interface CopyPace {
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Whole seconds; null while nobody can tell. */
  readonly eta: number | null;
}

/** Pure. */
export function copyPace({ copied, total, began }: MoveView, now: number): CopyPace {
  const sum = (pick: (table: CopiedTable) => number) => [...copied.values()].reduce((all, one) => all + pick(one), 0);
  const [rows, bytes] = [sum((table) => table.rows), sum((table) => table.bytes)];
  const seconds = (now - (began.copy ?? now)) / 1000;
  const share = total === null || total.bytes === 0 ? 0 : Math.min(1, bytes / total.bytes);
  const eta = share > 0 && seconds > 0.5 ? Math.ceil((seconds * (1 - share)) / share) : null;
  return { rows, bytes, seconds, eta };
}
