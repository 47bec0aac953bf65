import { createServer } from "node:net";
import { RowhouseError } from "../errors.ts";

/** Binds the address for a moment. @returns the errno name of what is in the way, or null when it is free */
export function tryPort(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

/**
 * Finds out before a database is started and filled.
 * @throws RowhouseError portTaken
 */
export async function assertPortFree(host: string, port: number): Promise<void> {
  const problem = port === 0 ? null : await tryPort(host, port);
  if (problem !== null) throw portTaken(host, port, problem);
}

function portTaken(host: string, port: number, problem: string): RowhouseError {
  return new RowhouseError("portTaken", {
    message:
      problem === "EADDRINUSE"
        ? `Port ${port} on ${host} is taken by another program`
        : `Can't listen on ${host}, port ${port}: ${problem}`,
    hint: `Choose another one: --port ${port + 1}, or PORT=${port + 1}.`,
  });
}
