import type { Connection, Submittable } from "pg";
import { serialize } from "pg-protocol";
import { mayPrepare, preparedNames, type PreparedNames } from "./prepared.ts";
import type { Statement, StatementResult } from "./statement.ts";

/** A batch whose connection can't be used again: the server did not come back to idle, or the socket failed. */
export class BrokenConnection extends Error {
  constructor(cause: unknown) {
    super("The database connection was lost", { cause });
    this.name = "BrokenConnection";
  }
}

/**
 * Several statements in one round trip and one transaction: Bind and Execute for each, then a single Sync. Until the Sync they
 * are one implicit transaction (PostgreSQL manual 54.2.3, Extended Query: "pipelining"), so the first can set what is local
 * to it. A failure in any of them takes back all, and the server skips to the Sync by itself.
 */
export class Batch implements Submittable {
  readonly done: Promise<StatementResult[]>;
  readonly #statements: readonly Statement[];
  /** ReadyForQuery's status after a failure: idle, or in a transaction that has failed and is still open. */
  readonly #failed: "I" | "E";
  readonly #results: StatementResult[] = [];
  readonly #parsed: string[] = [];
  #rows: (string | null)[][] = [];
  #resolve!: (results: StatementResult[]) => void;
  #reject!: (error: unknown) => void;

  /** @param isInside in a transaction that is open and stays so; else the batch is one by itself */
  constructor(statements: readonly Statement[], isInside = false) {
    this.#statements = statements;
    this.#failed = isInside ? "E" : "I";
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** All messages as one buffer and one write: a system call for each would cost more than what they say. */
  submit(connection: Connection): void {
    const prepared = preparedNames(connection);
    const isNamed = mayPrepare(connection);
    const closes: Buffer[] = [];
    const messages: Buffer[] = [];
    for (const { text, name, values } of this.#statements) {
      const kept = isNamed && name !== undefined ? name : "";
      const wireName = prepared.wireName(kept);
      if (kept === "" || !prepared.has(kept, text)) {
        if (kept !== "") this.#note(kept, text, prepared, closes);
        messages.push(serialize.parse({ name: wireName, text }));
      }
      messages.push(serialize.bind({ statement: wireName, values: values as (string | Buffer | null)[] }));
      messages.push(serialize.execute({}));
    }
    messages.push(serialize.sync());
    if (connection.stream.writable) connection.stream.write(Buffer.concat([...closes, ...messages]));
  }

  /** Of a statement that is about to be parsed under its name. */
  #note(name: string, text: string, prepared: PreparedNames, closes: Buffer[]): void {
    for (const stale of prepared.add(name, text))
      closes.push(serialize.close({ type: "S", name: prepared.wireName(stale) }));
    this.#parsed.push(name);
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.#rows.push(message.fields);
  }

  handleCommandComplete(message: { text: string }): void {
    this.#results.push({ rows: this.#rows, rowCount: Number(/\d+$/.exec(message.text)?.[0] ?? 0) });
    this.#rows = [];
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#results);
  }

  /** Rejects once the server is ready again, so that whoever gets the connection next finds it clean. */
  handleError(error: Error, connection: Connection): void {
    preparedNames(connection).doubt(this.#parsed);
    if (!("severity" in error)) {
      this.#reject(new BrokenConnection(error)); // of the socket, not of the server
      return;
    }
    const onEnd = () => this.#reject(new BrokenConnection(error));
    connection.once("end", onEnd);
    connection.once("readyForQuery", (message: { status: string }) => {
      connection.removeListener("end", onEnd);
      this.#reject(message.status === this.#failed ? error : new BrokenConnection(error));
    });
  }

  handleEmptyQuery(): void {
    this.#results.push({ rows: [], rowCount: 0 });
  }

  // No Describe is sent, no portal is left half read, and no COPY is part of a batch.
  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
  handleCopyInResponse(connection: Connection): void {
    (connection as Connection & { sendCopyFail(reason: string): void }).sendCopyFail("COPY in a batch");
  }
}
