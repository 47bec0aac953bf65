import type { Run } from "./run.ts";

export async function assertMovable(_run: Run): Promise<void> {}
