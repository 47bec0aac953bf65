import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/global-setup.ts"],
    // Every file works on a database of its own, so files can run side by side.
    // One more than the cores that it is meant for: much of a test is waiting for a process to start, or for time to pass.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    setupFiles: [],
  },
});
