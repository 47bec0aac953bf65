import { request as httpRequest } from "node:http";
import type { TestServer } from "./server.ts";

/**
 * A browser's `fetch`, over real HTTP to the server, with a Host that no name server here knows.
 * @param host as in `acme.localhost`, whatever host the address names
 */
export function fetchFrom({ port }: TestServer, host: string): typeof fetch {
  return async (input, init = {}) => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input);
    const headers = { host, ...Object.fromEntries(new Headers(init.headers)) };
    const { method = "GET", body, signal } = init;
    return new Promise((resolve, reject) => {
      const options = { port, path: pathname + search, method, headers, agent: false, signal: signal ?? undefined };
      const outgoing = httpRequest({ host: "127.0.0.1", ...options }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          const status = answer.statusCode ?? 0;
          const told = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
          const hasBody = method !== "HEAD" && status !== 204 && status !== 304;
          const whole = hasBody ? Buffer.concat(chunks) : null;
          resolve(new Response(whole, { status, statusText: answer.statusMessage ?? "", headers: told }));
        });
      });
      outgoing.on("error", reject);
      outgoing.end(typeof body === "string" ? body : undefined);
    });
  };
}
