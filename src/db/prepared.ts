import { randomBytes } from "node:crypto";
import type { Connection } from "pg";

/** More than the shapes that one application asks for, few enough for the server's memory: a plan is some 20 kB. */
const LIMIT = 256;

/**
 * The named statements of one connection. A name is `unsure` after a batch failed that parsed it: whether the server kept it
 * can't be told (it does when a later message failed), so it is closed before the next one is parsed. Closing a name that does
 * not exist is no error (PostgreSQL protocol, Close).
 */
export class PreparedNames {
  /**
   * SQL's PREPARE shares these names: whoever could guess one would have the next tenant's request, with its context and
   * secret, run a statement of theirs (threats.md, D46). Hence a part that nobody knows, another one per connection.
   */
  readonly #suffix = randomBytes(12).toString("base64url");
  readonly #known = new Map<string, string>();
  readonly #unsure = new Set<string>();

  /** What the server is to call the statement. */
  wireName(name: string): string {
    return name === "" ? "" : `${name}_${this.#suffix}`;
  }

  /** Whether `name` is prepared for `text`; marks it as the most recently used. */
  has(name: string, text: string): boolean {
    if (this.#known.get(name) !== text) return false;
    this.#known.delete(name);
    this.#known.set(name, text);
    return true;
  }

  /**
   * Notes that `name` is about to be parsed.
   * @returns names to close first: before every other message of the batch, since after a failed one nothing is carried out
   */
  add(name: string, text: string): string[] {
    const stale = [...this.#unsure];
    this.#unsure.clear();
    if (this.#known.delete(name)) stale.push(name);
    const oldest = this.#known.size >= LIMIT ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) {
      this.#known.delete(oldest);
      stale.push(oldest);
    }
    this.#known.set(name, text);
    return stale;
  }

  /** Notes that the batch failed which parsed these names. */
  doubt(names: Iterable<string>): void {
    for (const name of names) {
      if (this.#known.delete(name)) this.#unsure.add(name);
    }
  }
}

const byConnection = new WeakMap<Connection, PreparedNames>();
const unprepared = new WeakSet<Connection>();

/** Its statements are parsed at each run from now on: a pooler stands between, and another server may be behind it next time. */
export function neverPrepare(connection: Connection): void {
  unprepared.add(connection);
}

/** Whether statements of the connection may be kept under a name. */
export function mayPrepare(connection: Connection): boolean {
  return !unprepared.has(connection);
}

/** The registry of a connection's prepared statements. */
export function preparedNames(connection: Connection): PreparedNames {
  let names = byConnection.get(connection);
  if (names === undefined) byConnection.set(connection, (names = new PreparedNames()));
  return names;
}
