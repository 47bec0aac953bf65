/** Runs one configuration of scripts/model/move.pml: spin makes a verifier, gcc compiles it, the verifier searches. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const MODEL = join(import.meta.dirname, "move.pml");

/** What bounds the history, and which guards are taken away; each becomes a -D. */
export interface ModelCase {
  name: string;
  flags: string[];
  /** Fair liveness (every server's write is done in the end) instead of safety. */
  isLiveness?: boolean;
  /** log2 of the bits of a bitstate search, where the states don't fit into memory. Never exhaustive. */
  bitstate?: number;
  /** gcc's -O: for a search of a few seconds, compiling is what takes long. 0 unless told. */
  optimize?: number;
}

export interface Verdict {
  name: string;
  /** The assertion that failed, `deadlock`, `livelock`, or null. */
  violation: string | null;
  /** Every reachable state was visited. False also after a violation, where the search stops. */
  isExhaustive: boolean;
  states: number;
  depth: number;
  seconds: number;
  megabytes: number;
  /** Bitstate only: bits of the filter per state; above 100 the coverage is taken to be about 99.9 % (spin's own measure). */
  hashFactor: number | null;
}

/** The programs that are needed and missing. Debian and Ubuntu: `apt-get install spin gcc`. */
export function missingPrograms(path: string): string[] {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return ["spin", "gcc"].filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
}

function numberIn(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1] ?? 0);
}

function readVerdict(name: string, output: string): Verdict {
  const broken = /assertion violated (.*) \(at depth/.exec(output)?.[1];
  const violation =
    broken ??
    (/invalid end state \(at/.test(output) ? "deadlock" : /acceptance cycle \(at/.test(output) ? "livelock" : null);
  if (violation === null && !/errors: 0/.test(output)) throw new Error(`${name}: the search failed\n${output}`);
  const hashFactor = /hash factor: ([\d.]+)/.exec(output)?.[1];
  return {
    name,
    violation: violation?.replaceAll(/\s+/g, " ").trim() ?? null,
    isExhaustive:
      violation === null && hashFactor === undefined && !/not completed|too small|out of memory/.test(output),
    states: numberIn(output, /(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored/),
    depth: numberIn(output, /depth reached (\d+)/),
    seconds: numberIn(output, /elapsed time ([\d.]+) seconds/),
    megabytes: numberIn(output, /([\d.]+)\s+total actual memory usage/) || numberIn(output, /([\d.]+)\s+memory usage/),
    hashFactor: hashFactor === undefined ? null : Number(hashFactor),
  };
}

/**
 * Checks one case, in a temporary folder.
 * @param memoryLimit megabytes of the search's states
 * @throws when a program fails, or the search ends without a verdict (memory, depth)
 */
export async function checkCase(modelCase: ModelCase, memoryLimit = 1800): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), "rowhouse-model-"));
  try {
    const { isLiveness = false, bitstate } = modelCase;
    const flags = [...modelCase.flags, ...(isLiveness ? ["LIVENESS"] : [])].map((flag) => `-D${flag}`);
    await run("spin", [...flags, "-a", MODEL], { cwd: folder });
    // A search with fairness needs its cycles; one for safety needs none, and is several times smaller without.
    const search = isLiveness ? ["-DNFAIR=3"] : ["-DSAFETY"];
    const store = bitstate === undefined ? ["-DCOLLAPSE", `-DMEMLIM=${memoryLimit}`] : ["-DBITSTATE"];
    await run("gcc", [`-O${modelCase.optimize ?? 0}`, "-w", ...search, ...store, "-o", "pan", "pan.c"], {
      cwd: folder,
    });
    const size = bitstate === undefined ? "-w24" : `-w${bitstate}`;
    // pan's exit status says nothing of what it found.
    const { stdout } = await run("./pan", ["-m200000", size, ...(isLiveness ? ["-a", "-f"] : [])], {
      cwd: folder,
      maxBuffer: 1 << 24,
    });
    return readVerdict(modelCase.name, stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Checks cases side by side, `width` at a time; `report` hears of each as it ends. */
export async function checkCases(
  cases: ModelCase[],
  width: number,
  report: (verdict: Verdict) => void = () => {},
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const queue = cases.entries();
  const work = async () => {
    for (const [index, modelCase] of queue) {
      const verdict = await checkCase(modelCase);
      verdicts[index] = verdict;
      report(verdict);
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return verdicts;
}
