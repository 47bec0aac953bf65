/** The bounds within which the model is searched, and the guards that are taken away one after the other. */
import type { ModelCase } from "./spin.ts";

const bounds = {
  forward: ["OPS=2", "SERVERS=1", "RUNS=2", "CRASHES=1", "FENCES=2", "ABORTS=1"],
  small: ["OPS=2", "SERVERS=1", "RUNS=2", "CRASHES=0", "FENCES=2", "ABORTS=0"],
  two: ["OPS=2", "SERVERS=2", "RUNS=1", "CRASHES=1", "FENCES=2", "ABORTS=1"],
  back: ["OPS=1", "SERVERS=1", "RUNS=2", "CRASHES=0", "FENCES=2", "ABORTS=0", "ROLLBACKS=1"],
  again: ["OPS=1", "SERVERS=1", "RUNS=2", "CRASHES=0", "FENCES=2", "ABORTS=0", "REPEATS=1"],
  chain: ["OPS=2", "SERVERS=1", "RUNS=1", "CRASHES=1", "FENCES=3", "ABORTS=1", "ROLLBACKS=1", "REPEATS=1"],
  clock: ["OPS=2", "SERVERS=2", "RUNS=1", "CRASHES=0", "FENCES=1", "ABORTS=0"],
  live: ["OPS=2", "SERVERS=2", "RUNS=1", "CRASHES=1", "FENCES=1", "ABORTS=0"],
} satisfies Record<string, string[]>;

/** The full model in less than a minute. */
export const CASES: ModelCase[] = [
  { name: "a move, its mover taken over, a crash", flags: bounds.forward, optimize: 2 },
  { name: "a move, two servers, a crash", flags: bounds.two },
  { name: "a move and its rollback, taken over", flags: bounds.back },
  { name: "a finished move asked for again, either way, taken over", flags: bounds.again },
  { name: "a move, its rollback, a third move, a crash", flags: bounds.chain, optimize: 2 },
  { name: "the mover dies and is never resumed: every write is done", flags: bounds.live, isLiveness: true },
];

/** The same with more of everything: minutes, and up to 2 GB. */
export const DEEP_CASES: ModelCase[] = [
  {
    name: "three writes of two servers, taken over, a crash",
    flags: ["OPS=3", "SERVERS=2", "RUNS=2", "CRASHES=1", "FENCES=2", "ABORTS=1"],
    bitstate: 33,
    optimize: 2,
  },
  {
    name: "rollback, taken over, a crash",
    flags: ["OPS=2", "SERVERS=1", "RUNS=2", "CRASHES=1", "FENCES=3", "ABORTS=0", "ROLLBACKS=1"],
    optimize: 2,
  },
  {
    name: "asked for again, taken over, a crash",
    flags: ["OPS=2", "SERVERS=1", "RUNS=2", "CRASHES=1", "FENCES=2", "ABORTS=0", "REPEATS=1"],
    optimize: 2,
  },
  {
    name: "three writes of two servers, rollback, a third move",
    flags: ["OPS=3", "SERVERS=2", "RUNS=1", "CRASHES=0", "FENCES=3", "ABORTS=0", "ROLLBACKS=1", "REPEATS=1"],
    optimize: 2,
  },
];

export interface Mutant extends ModelCase {
  /** What is taken away, in words. */
  removed: string;
  /** False where another guard holds alone: the table says so, and the pair is a mutant of its own. */
  isFound: boolean;
}

function mutant(flags: string, within: keyof typeof bounds, removed: string, options: Partial<Mutant> = {}): Mutant {
  return { name: flags, flags: [...bounds[within], ...flags.split("+")], removed, isFound: true, ...options };
}
const redundant = { isFound: false };
const liveness = { isLiveness: true };

export const MUTANTS: Mutant[] = [
  mutant("NO_ENTER_LOCK", "forward", "the shared lock of a writer in enter()"),
  mutant("NO_COMMIT_LOCK", "forward", "the exclusive lock at the commit point"),
  mutant(
    "NO_DEADLINE",
    "small",
    "the deadline at the commit point; the writer who lifts a lapsed fence is left",
    redundant,
  ),
  mutant("NO_LIFT", "small", "lifting a lapsed fence; the deadline at the commit point is left", redundant),
  mutant("NO_DEADLINE+NO_LIFT", "forward", "both"),
  mutant("CLOCK_BACK", "clock", "nothing; but the source's clock is set back, and lifting holds alone", redundant),
  mutant(
    "CLOCK_BACK+SKIP_LOCKED",
    "clock",
    "waiting for the row in pass_fence() (SKIP LOCKED), while the clock is set back",
  ),
  mutant("NO_FENCE_TOKEN", "small", "the fence's token at the commit point; the lease is left", redundant),
  mutant(
    "NO_CUTOVER_LEASE",
    "small",
    "the lease at fence, confirmation and commit; token and lifting at takeover are left",
    redundant,
  ),
  mutant("NO_CUTOVER_LEASE+NO_FENCE_TOKEN", "forward", "lease and token at the commit point"),
  mutant("NO_UNFENCING", "small", "lifting the earlier run's fence at takeover; the lease is left", redundant),
  mutant(
    "NO_CUTOVER_LEASE+NO_UNFENCING",
    "small",
    "the lease at the cutover and lifting the fence at takeover",
    redundant,
  ),
  mutant("WATERMARK_REUSED", "forward", "a new watermark for each attempt to fence"),
  mutant("NO_CONFIRM", "forward", "the synchronous commit at the target between watermark and commit point"),
  mutant("ASYNC_COMMIT", "forward", "synchronous_commit at the commit point"),
  mutant("NO_EPOCH_CHECK", "chain", "the epoch in enter()"),
  mutant("NO_MOVED_CHECK", "chain", "moved_to in enter(); the epoch is left", redundant),
  mutant("NO_EPOCH_CHECK+NO_MOVED_CHECK", "chain", "both"),
  mutant("READ_ARRIVING", "forward", "moved_to for reads"),
  mutant("ACTIVATE_ANY_EPOCH", "chain", "the epoch in activate_tenant()"),
  mutant("ACTIVATE_NOT_ARRIVING", "chain", "arriving in activate_tenant(); the epoch is left", redundant),
  mutant("EPOCH_RESET", "chain", "keeping the epoch of a row that is marked as arriving again"),
  mutant(
    "NO_SOURCE_CHECK",
    "again",
    "does it live at the source, at the start: the target refuses, and the move stays unfinished",
  ),
  mutant(
    "NO_TARGET_CHECK",
    "again",
    "does it live elsewhere, at the target; the check at the source is left",
    redundant,
  ),
  mutant("NO_SOURCE_CHECK+NO_TARGET_CHECK", "again", "both: a finished move run again"),
  mutant("NO_CLEAN_TOKEN", "forward", "the run's token before rows are deleted or loaded"),
  mutant("NO_ARRIVING_CHECK", "again", "arriving before rows are deleted or loaded; the token is left", redundant),
  mutant("CHECK_THEN_CLEAN", "forward", "holding the row between that check and the deleting"),
  mutant("NO_TOMBSTONE_CHECK", "again", "the tombstone and the lease before the source's rows are deleted"),
  mutant("NO_RUN_CHECK", "forward", "the run's token in transitions at home"),
  mutant("LEASE_UNORDERED", "forward", "the order of runs: a slow earlier run takes the lease back"),
  mutant("NO_LEASE", "forward", "the lease before slots and subscriptions are made and dropped"),
  mutant("NO_INTENT", "forward", "the intent before the resource"),
  mutant("ABORT_UNDECIDED", "forward", "asking the source, once and for all, before an abort cleans the target"),
  mutant("ABORT_UNPERSISTED", "forward", "writing down that the move is being aborted"),
  mutant("REVERSE_BEFORE_DROP", "forward", "dropping the forward replication before the reverse begins"),
  mutant("NO_START", "forward", "beginning the reverse replication at the activation (slot not advanced)"),
  mutant("ADVANCE_AT_FENCE", "forward", "the same, by advancing the slot during the fence: lost in a crash"),
  mutant("FLIP_ANY_EPOCH", "back", "the epoch when the registry is flipped"),
  mutant("NO_LAPSE", "live", "the deadline, for writers", liveness),
  mutant("NO_HELP", "live", "helping activation", liveness),
];
