import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { Place } from "./place.ts";

const LOOPBACK = "127.0.0.1";

/** Binds the port for a moment. @returns the port, or `null` when it is taken; for 0 any free one */
function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : null;
      server.close(() => resolve(bound));
    });
  });
}

/** A free port on loopback: the last one used, so that kept URLs stay good, or another. */
export async function pickPort(place: Place): Promise<number> {
  const last = Number.parseInt(await readFile(place.port, "utf8").catch(() => ""), 10);
  const again = last > 0 && last < 65_536 ? await tryPort(last) : null;
  const port = again ?? (await tryPort(0));
  if (port === null) throw new Error(`No port is free on ${LOOPBACK}.`);
  return port;
}

/** Keeps the port for the next start. */
export async function keepPort(place: Place, port: number): Promise<void> {
  await writeFile(place.port, `${port}\n`, { mode: 0o600 });
}
