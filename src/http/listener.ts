import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { RowhouseError } from "../errors.ts";

export interface HttpListener {
  readonly port: number;
  /** `127.0.0.1:3000`, as bound. */
  readonly address: string;
  /** From now on requests go to it. */
  serve(handler: (request: IncomingMessage, response: ServerResponse) => unknown): void;
  /**
   * Takes no new connection, waits for the running requests, and closes the rest.
   * @param limitMs when to cut off what still runs
   */
  drain(limitMs: number): Promise<void>;
}

/** Longer than the idle time of the usual proxies (nginx, AWS: 60 s), so that they close first and no request is lost between. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_MS = 20_000;
const REQUEST_MS = 60_000;
/** What node:http takes by default for the first line and all headers together. */
const HEADER_BYTES = 16_384;
/** For a request that is on its way when the drain begins. */
const GRACE_MS = 100;

function explain(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  if (error.code === "EADDRINUSE") {
    const hint = `Stop what listens there (another Rowhouse?), or choose another port: PORT=${port + 1}`;
    return new RowhouseError("portTaken", { message: `Port ${port} of ${host} is taken`, hint, cause: error });
  }
  if (error.code === "EACCES" || error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND") {
    const hint =
      error.code === "EACCES"
        ? "Choose a PORT of 1024 or above."
        : "HOST is an address of this machine, or 0.0.0.0 for all.";
    return new RowhouseError("configInvalid", {
      message: `Can't listen on ${host} port ${port}: ${error.code}`,
      hint,
      cause: error,
    });
  }
  return error;
}

/**
 * Binds the port. Requests that come before `serve` wait.
 * @param maxUrlBytes of path and query; a longer one gets its refusal from the dialect, and one that is far longer a 431
 * @throws RowhouseError portTaken, configInvalid
 */
export async function listenHttp(host: string, port: number, maxUrlBytes = 0): Promise<HttpListener> {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES + maxUrlBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    // Most requests have no body to wait for; who reads one looks first whether there is any (body.ts).
    optimizeEmptyRequests: true,
  });
  const running = new Set<ServerResponse>();
  let isDraining = false;
  let onIdle = () => {};

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(explain(error, host, port)));
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;

  const whenIdle = () => (running.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => (onIdle = resolve)));
  return {
    port: bound.port,
    address: `${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`,
    serve: (handler) => {
      server.on("request", (request, response) => {
        running.add(response);
        response.once("close", () => {
          running.delete(response);
          if (running.size === 0) onIdle();
        });
        if (isDraining) response.setHeader("Connection", "close");
        handler(request, response);
      });
    },
    drain: async (limitMs) => {
      isDraining = true;
      for (const response of running) {
        // Else the client would keep the connection, and the server wait for it (server.close, node:http).
        if (!response.headersSent) response.setHeader("Connection", "close");
      }
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const limit = sleep(limitMs, undefined, { ref: false });
      await sleep(GRACE_MS);
      await Promise.race([whenIdle(), limit]);
      // A connection that never sent a request, as browsers open ahead, does not count as idle and would be waited for.
      server.closeAllConnections();
      await closed;
    },
  };
}
