import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../random.ts";
import { SEED } from "../seed.ts";
import type { Operation } from "./history.ts";

/** What one client asked for, and what it was told. Times by {@link clock}. */
export interface LoadOperation extends Operation {
  readonly writer: number;
  /** HTTP status, or the error's code. */
  answer: string;
}

export interface LoadOptions {
  readonly ports: readonly number[];
  readonly host: string;
  readonly token: string;
  readonly writers: number;
  /** Transactions, of all writers together. */
  readonly perSecond: number;
}

export interface Load {
  readonly operations: LoadOperation[];
  /** Returns when so many writes that were begun from now on, or from a moment of {@link clock} on, have been acknowledged. */
  goOn(count: number, from?: number): Promise<void>;
  /** Ends after each writer's running request. */
  stop(): Promise<void>;
}

/** The same for all processes of a machine. */
export const clock = () => performance.timeOrigin + performance.now();

/** Codes of refusals that come before the first statement of the transaction. */
const REFUSALS = new Set(["RH700", "RH701", "RH106", "RH305", "RH706"]);

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send(agent: Agent, port: number, options: LoadOptions, method: string, path: string, body: unknown) {
  return new Promise<Answer>((resolve, reject) => {
    const payload = JSON.stringify(body);
    const headers = {
      host: options.host,
      authorization: `Bearer ${options.token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(payload),
      prefer: "return=representation",
    };
    const outgoing = request(
      { host: "127.0.0.1", port, method, path, headers, agent, timeout: 180_000 },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => (text += chunk));
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
        incoming.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("timeout")));
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

/** Takes down what came of it. An update that found no row is as bad as one that was lost: the row had been acknowledged. */
function note(operation: LoadOperation, { status, text }: Answer): void {
  const rows = status < 300 ? (JSON.parse(text) as unknown[]) : [];
  const code = status < 300 ? "" : String((JSON.parse(text) as { code?: string }).code);
  operation.answer = rows.length === 1 ? String(status) : `${status} ${code}`.trim();
  if (rows.length === 1) operation.outcome = "acked";
  else if (REFUSALS.has(code)) operation.outcome = "failed";
}

/** Clients that write over HTTP, each one request at a time, together at a steady rate, until they are stopped. */
export function startLoad(options: LoadOptions): Load {
  const operations: LoadOperation[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: options.writers * options.ports.length });
  const run = randomUUID().slice(0, 8);
  const pauseMs = (1000 * options.writers) / options.perSecond;
  const random = new Random(SEED);
  let stopped = false;
  let sent = 0;

  const attempt = async (operation: LoadOperation, method: string, path: string, body: unknown) => {
    operations.push(operation);
    const port = options.ports[sent++ % options.ports.length]!;
    try {
      note(operation, await send(agent, port, options, method, path, body));
    } catch (error) {
      operation.answer = (error as { code?: string }).code ?? String(error);
      if (operation.answer === "ECONNREFUSED") operation.outcome = "failed";
    }
    operation.endedAt = clock();
    return operation.outcome === "acked";
  };
  const begin = (writer: number, kind: "insert" | "update", key: string, version: number, value: string) => {
    const startedAt = clock();
    const id = `${run}-${operations.length}`;
    const asked = { id, writer, kind, key, version, value, epoch: 0, startedAt, endedAt: startedAt };
    return { ...asked, outcome: "unknown", answer: "" } satisfies LoadOperation as LoadOperation;
  };
  const insert = (writer: number, n: number) => {
    const key = `${run}-${writer}-${n}`;
    return attempt(begin(writer, "insert", key, 1, key), "POST", "/rest/v1/expenses?select=vendor", {
      category: "office",
      vendor: key,
      spent_on: "2026-01-01",
      amount_cents: 1 + n,
    });
  };
  /** A row for updates; a new one after an update whose outcome is not known, since that one may still be on its way. */
  const makeRow = async (writer: number, n: number) => {
    const key = `${run}-${writer}-row-${n}`;
    const made = begin(writer, "insert", key, 1, `1.${n}`);
    const ok = await attempt(made, "POST", "/rest/v1/customers?select=number", { number: key, name: made.value });
    return ok ? { key, version: 1 } : null;
  };
  const write = async (writer: number) => {
    let next = clock() + random.next() * pauseMs;
    let row: { key: string; version: number } | null = null;
    for (let n = 0; !stopped; n++) {
      await sleep(Math.max(0, next - clock()));
      next = Math.max(next + pauseMs, clock() - 1000);
      if (n % 2 === 0) await insert(writer, n);
      else if (row === null) row = await makeRow(writer, n);
      else {
        const version = ++row.version;
        const operation = begin(writer, "update", row.key, version, `${version}.${n}`);
        const path = `/rest/v1/customers?number=eq.${row.key}&select=number`;
        await attempt(operation, "PATCH", path, { name: operation.value });
        if (operation.outcome === "unknown") row = null;
        else if (operation.outcome === "failed") row.version--;
      }
    }
  };
  const writers = Array.from({ length: options.writers }, (_, writer) => write(writer));
  return {
    operations,
    goOn: async (count, from = clock()) => {
      const isNews = ({ outcome, startedAt }: LoadOperation) => outcome === "acked" && startedAt >= from;
      while (operations.filter(isNews).length < count) await sleep(10);
    },
    stop: async () => {
      stopped = true;
      await Promise.all(writers);
      agent.destroy();
    },
  };
}
