import type { FenceFacts } from "../../move/move.ts";
import { plural, type Output } from "../output.ts";
import { formatBytes, formatSeconds } from "../progress.ts";
import { copyPace, PHASES, phaseOf, type MoveView, type Phase } from "./view.ts";

const whole = (ms: number) => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)));

/** Pure: how long writes waited, and for what. */
export function describeFence({ drainedMs, appliedMs, committedMs, activatedMs, attempts }: FenceFacts): string {
  const parts = `drained ${whole(drainedMs)}, applied ${whole(appliedMs)}, committed ${whole(committedMs)}`;
  const again = attempts > 1 ? `, at attempt ${attempts}` : "";
  return `writes waited ${whole(activatedMs)} ms (${parts}${again})`;
}

function describeCopy(view: MoveView, now: number): string {
  const { rows, bytes, seconds, eta } = copyPace(view, now);
  const of = (text: string | undefined) => (text === undefined ? "" : ` of ${text}`);
  const parts = [
    `${rows.toLocaleString("en")}${of(view.total?.rows.toLocaleString("en"))} rows`,
    `${formatBytes(bytes)}${of(view.total === null ? undefined : formatBytes(view.total.bytes))}`,
  ];
  if (seconds > 0.2 && bytes > 0) parts.push(`${formatBytes(bytes / seconds)}/s`);
  if (eta !== null) parts.push(`${formatSeconds(eta)} left`);
  return parts.join("  ");
}

function describeLag({ lagMs }: MoveView): string[] {
  if (lagMs === undefined) return [];
  return [lagMs === null ? "lag more than 5 s" : `lag ${whole(lagMs)} ms`];
}

/** What is known of the phase that is worked on. */
function describePresent(view: MoveView, phase: Phase, now: number): string {
  const parts: string[] = [];
  if (phase === "copy") parts.push(describeCopy(view, now));
  if (phase === "verify" || phase === "clean up" || phase === "way back")
    if (view.worked > 0) parts.push(plural(view.worked, "row"));
  if (phase === "cut over") parts.push(...describeLag(view));
  if (view.remark !== null) parts.push(view.remark);
  if (phase === "cut over") parts.push(...expectFence(view));
  return parts.join("  ");
}

function expectFence({ fence, expectedFenceMs }: MoveView): string[] {
  if (fence !== null) return [describeFence(fence)];
  return expectedFenceMs === null ? [] : [`writes will wait about ${whole(expectedFenceMs)} ms`];
}

/** What came of a phase that is over. */
function describePast(view: MoveView, phase: Phase): string {
  const key = `${view.isRollback ? "rollback_" : ""}${phase === "verify" ? "before" : "after"}`;
  const verified = phase === "verify" || phase === "way back" ? view.verified?.[key] : undefined;
  if (phase === "copy" && view.total !== null)
    return `${plural(view.total.rows, "row")}  ${formatBytes(view.total.bytes)}`;
  if (phase === "cut over" && view.fence !== null) return describeFence(view.fence);
  return verified === undefined ? "" : `${plural(verified.rows, "row")} equal`;
}

function phasesOf({ isRollback, began, state, worked }: MoveView): Phase[] {
  const isCleaning = began["clean up"] !== undefined && (state !== "observing" || worked > 0);
  return PHASES.filter(
    (phase) => !(isRollback && (phase === "prepare" || phase === "copy")) && (phase !== "clean up" || isCleaning),
  );
}

/** How long the phase took. */
function duration({ began }: MoveView, phase: Phase, now: number): string {
  const start = began[phase];
  if (start === undefined) return "";
  const later = PHASES.slice(PHASES.indexOf(phase) + 1).flatMap((next) => began[next] ?? []);
  return formatSeconds(((later[0] ?? now) - start) / 1000);
}

/**
 * The whole view, a line for each phase. Pure.
 * @param width columns of the terminal
 */
export function renderView(view: MoveView, now: number, width: number, paint: Output["paint"]): string[] {
  const present = phaseOf(view.state);
  const at = present === null ? PHASES.length : PHASES.indexOf(present);
  const head = `${view.slug}: ${view.from} → ${view.to}${view.isRollback ? " (rollback)" : ""}  ${view.state}`;
  const lines = phasesOf(view).map((phase) => {
    const index = PHASES.indexOf(phase);
    const mark = index < at ? "✓" : index === at ? "●" : "·";
    const color = index < at ? "green" : index === at ? "yellow" : "dim";
    const ahead = phase === "cut over" ? expectFence(view).join("") : "";
    const text = index < at ? describePast(view, phase) : index === at ? describePresent(view, phase, now) : ahead;
    const time = index > at ? "" : duration(view, phase, now);
    const row = `${phase.padEnd(9)} ${time.padStart(10)}  ${text}`.trimEnd();
    return `  ${paint(color, mark)} ${row.slice(0, width - 5)}`;
  });
  return [`${head}  ${formatSeconds((now - view.startedAt) / 1000)}`.slice(0, width - 1), ...lines];
}

/** One line for where there is no terminal. Pure. */
export function renderLine(view: MoveView, now: number): string {
  const phase = phaseOf(view.state);
  const text = phase === null ? "" : describePresent(view, phase, now);
  const time = formatSeconds((now - view.startedAt) / 1000);
  return [`${view.slug}: ${view.state}`, time, text].filter((part) => part !== "").join("  ");
}
