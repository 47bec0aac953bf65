import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/global-setup.ts"],
    // Every file works on a database of its own, so files can run side by side.
    // Twice the cores that it is meant for: a file keeps little more than half a core busy, and waits for the rest of its time
    // for a process to start, for a lease to end, for a server that is down.
    maxWorkers: 4,
    // Nets for what hangs, and no measure of anything: a machine that is shared may stand still for seconds, anywhere.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    setupFiles: ["test/seed.ts"],
  },
});
