import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openTurnstile } from "../../src/db/turnstile.ts";
import { RowhouseError } from "../../src/errors.ts";

const WAIT_MS = 1000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const outcomeOf = (entering: unknown) => Promise.resolve(entering).catch((error: unknown) => error);
const open = (most = 1) => openTurnstile<string>(1, WAIT_MS, "a hint").openLine(most);

describe("who waits", () => {
  test("for too long is sent away with what to do about it, and who came later waits on", async () => {
    const line = open();
    expect(line.enter()).toBeUndefined();
    const first = Promise.resolve(line.enter());
    vi.advanceTimersByTime(400);
    const second = outcomeOf(line.enter());
    vi.advanceTimersByTime(599);
    expect(line.leave("a gift")).toBe(true);
    expect(await first).toBe("a gift");
    const third = Promise.resolve(line.enter());
    vi.advanceTimersByTime(401);
    expect(await second).toMatchObject({ kind: "busy", hint: "a hint" });
    expect(line.leave("another")).toBe(true);
    expect(await third).toBe("another");
  });

  test("is not sent away for what others waited before", async () => {
    const line = open();
    void line.enter();
    for (const gift of ["one", "two", "three"]) {
      const waiting = Promise.resolve(line.enter());
      vi.advanceTimersByTime(WAIT_MS - 1);
      expect(line.leave(gift)).toBe(true);
      expect(await waiting).toBe(gift);
    }
  });

  test("is sent away when the line is refused or closed, and nobody takes what is left", async () => {
    const line = open();
    void line.enter();
    const refused = outcomeOf(line.enter());
    line.refuse(new RowhouseError("hostUnknown"));
    expect(await refused).toMatchObject({ kind: "hostUnknown" });
    const closed = outcomeOf(line.enter());
    line.close();
    expect(await closed).toMatchObject({ kind: "databaseUnavailable" });
    expect(line.leave("nobody's")).toBe(false);
  });

  test("at a line that was closed before is sent away at once, whether it is full or not", async () => {
    const line = open();
    void line.enter();
    const waiting = outcomeOf(line.enter());
    line.close();
    await waiting;
    const outcomes: unknown[] = [];
    const ask = async () => outcomes.push(await outcomeOf(line.enter()));
    void ask();
    line.leave();
    void ask();
    await vi.advanceTimersByTimeAsync(2 * WAIT_MS);
    expect(outcomes).toMatchObject([{ kind: "databaseUnavailable" }, { kind: "databaseUnavailable" }]);
  });
});
