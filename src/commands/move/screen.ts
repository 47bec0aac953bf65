import type { Move, MoveEvent } from "../../move/move.ts";
import type { TableSize } from "../../move/size.ts";
import { errorPaint, type Output } from "../output.ts";
import { describeFence, renderLine, renderView } from "./lines.ts";
import { applyEvent, beginView, type MoveView } from "./view.ts";

/** How often the view is drawn on a terminal, how often a line is written elsewhere, and how often an event of the many is told. */
const DRAW_MS = 100;
const PLAIN_MS = 3000;
const EVENT_MS = 500;

/** What shows a move: a view on a terminal, lines elsewhere, events with --json. */
export interface MoveScreen {
  readonly show: (event: MoveEvent) => void;
  /** Something to say in between. */
  readonly say: (text: string) => void;
  /** Leaves the view as it is. */
  readonly end: () => void;
}

/** One of many: told now and then. */
function isFrequent(event: MoveEvent): boolean {
  return (
    event.event === "lag" ||
    event.event === "verify" ||
    event.event === "remove" ||
    (event.event === "copy" && !event.done)
  );
}

interface Clock {
  readonly everyMs: number;
  last: number;
}

function isDue(clock: Clock, now: number): boolean {
  if (now - clock.last < clock.everyMs) return false;
  clock.last = now;
  return true;
}

function openEvents(out: Output): MoveScreen {
  const clock: Clock = { everyMs: EVENT_MS, last: -Infinity };
  return {
    show: (event) => {
      if (!isFrequent(event) || isDue(clock, performance.now())) out.event(event);
    },
    say: (text) => out.talk(text),
    end: () => {},
  };
}

function openLines(out: Output, begun: MoveView): MoveScreen {
  const clock: Clock = { everyMs: PLAIN_MS, last: performance.now() };
  let view = begun;
  return {
    show: (event) => {
      const now = performance.now();
      view = applyEvent(view, event, now);
      if (event.event === "facts") {
        if (event.facts.fence !== undefined) out.talk(`${view.slug}: ${describeFence(event.facts.fence)}`);
      } else if (!isFrequent(event) ? event.event !== "copy" : isDue(clock, now)) out.talk(renderLine(view, now));
    },
    say: (text) => out.talk(text),
    end: () => {},
  };
}

function openDrawing(terminal: NodeJS.WriteStream, begun: MoveView, paint: Output["paint"]): MoveScreen {
  let view = begun;
  let drawn = 0;
  const erase = () => (drawn === 0 ? "" : `\x1b[${drawn}A\x1b[J`);
  const draw = () => {
    const lines = renderView(view, performance.now(), terminal.columns || 80, paint);
    terminal.write(`${erase()}${lines.join("\n")}\n`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, DRAW_MS);
  timer.unref();
  draw();
  return {
    show: (event) => {
      view = applyEvent(view, event, performance.now());
    },
    say: (text) => {
      terminal.write(`${erase()}${text}\n`);
      drawn = 0;
      draw();
    },
    end: () => {
      clearInterval(timer);
      draw();
    },
  };
}

/**
 * @param sizes of the plan, when there is one
 * @param color false with --no-color
 * @param terminal where the view is drawn
 */
export function openScreen(
  out: Output,
  move: Move,
  { sizes, color }: { readonly sizes?: readonly TableSize[]; readonly color?: boolean },
  terminal: NodeJS.WriteStream = process.stderr,
): MoveScreen {
  const view = beginView(move, performance.now(), sizes);
  if (out.json) return openEvents(out);
  if (terminal.isTTY && !out.quiet) return openDrawing(terminal, view, errorPaint(color));
  return openLines(out, view);
}
