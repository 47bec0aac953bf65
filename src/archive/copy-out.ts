import { Readable } from "node:stream";
import { RowhouseError } from "../errors.ts";
import type { Session } from "./session.ts";

/** Bytes of a block. Compressing and hashing in pieces of 64 kB, as they come off the wire, costs half as much again. */
const BLOCK = 1 << 20;
/** Blocks that are free to be filled again, by any table: those that the garbage collector gets are what makes it run. */
const free: Buffer<ArrayBuffer>[] = [];
const MOST_FREE = 8;
/**
 * Milliseconds until the next read after one that found little. The server sends 8 kB at a time: taken one by one, as they come, they
 * cost more than twice the processor time of whole reads. Meanwhile the rows gather in the kernel's buffer.
 */
const REST_MS = 1;
/** Bytes that Node reads at most at once. */
const WHOLE_READ = 1 << 16;
/** Code byte and length of a message (PostgreSQL manual, 55.7). */
const HEADER = 5;
const COPY_DATA = 0x64;

/** What of a connection `pg` shows the query whose turn it is. */
interface Connection {
  readonly stream: Readable;
  query(text: string): void;
}

/**
 * The rows of `copy … to stdout`, in blocks. The server sends each row as one CopyData message (PostgreSQL manual, 55.7), so rows
 * are counted by the way, and compared with the number that the server ends with. `pg-copy-streams` gives the same bytes, in
 * pieces of 64 kB that can't be used again: an export spent more time on those than on SHA-256 and zstd together.
 * @throws RowhouseError exportInconsistent, and what the server refuses, as the stream's error
 */
export class CopyOut extends Readable {
  /** Messages so far. */
  rows = 0;
  readonly #text: string;
  #socket: Readable | null = null;
  /** pg's own reader of the connection: gets every message but the rows. */
  #pass: (chunk: Buffer) => void = () => {};
  /** The block that is being filled. */
  #block: Buffer<ArrayBuffer> | null = null;
  #filled = 0;
  /** Whether nobody takes the blocks at the moment. */
  #isFull = false;
  #rest: NodeJS.Timeout | undefined;
  /** The part of a header that came at the end of a chunk. */
  #part: Buffer | null = null;
  /** Bytes of the message at hand that are still to come, and whether they are a row's. */
  #left = 0;
  #isRow = false;

  constructor(text: string) {
    super({ objectMode: true, highWaterMark: 1 }); // as objects, since a stream of bytes would join what waits in it
    this.#text = text;
  }

  /** Gives a block back that was worked off. */
  recycle(block: Buffer<ArrayBuffer>): void {
    if (free.length < MOST_FREE && block.buffer.byteLength === BLOCK) free.push(Buffer.from(block.buffer));
  }

  /** Called by pg, as are the handlers below. */
  submit(connection: Connection): void {
    this.#socket = connection.stream;
    this.#pass = this.#socket.listeners("data")[0] as (chunk: Buffer) => void;
    this.#socket.removeListener("data", this.#pass);
    this.#socket.on("data", this.#take);
    connection.query(this.#text);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    if (text === `COPY ${this.rows}`) return;
    this.destroy(
      new RowhouseError("exportInconsistent", { message: `${this.rows} rows came, the server says ${text}` }),
    );
  }

  handleError(error: Error): void {
    this.#leave();
    this.destroy(error);
  }

  handleReadyForQuery(): void {
    this.#leave();
    if (this.destroyed) return;
    this.#flush();
    this.push(null);
  }

  override _read(): void {
    this.#isFull = false;
    this.#resume();
  }

  #resume(): void {
    if (!this.#isFull && this.#rest === undefined) this.#socket?.resume();
  }

  /** Lets the server write on for a moment. */
  #pause(): void {
    if (this.#socket === null) return;
    this.#socket.pause();
    this.#rest ??= setTimeout(() => {
      this.#rest = undefined;
      this.#resume();
    }, REST_MS);
  }

  readonly #take = (chunk: Buffer<ArrayBuffer>): void => {
    const part = this.#part;
    this.#part = null;
    this.#read(part === null ? chunk : Buffer.concat([part, chunk]));
    if (chunk.length < WHOLE_READ) this.#pause();
    // Frees the memory now: left to the garbage collector, it runs every 10 MB, which is a quarter of an export's processor time.
    if (chunk.byteLength === chunk.buffer.byteLength) chunk.buffer.transfer(0);
  };

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#left === 0) {
        if (chunk.length - at < HEADER) {
          this.#part = Buffer.from(chunk.subarray(at));
          return;
        }
        this.#begin(chunk, at);
        at += HEADER;
      }
      const end = Math.min(at + this.#left, chunk.length);
      if (this.#isRow) this.#keep(chunk, at, end);
      else if (end > at) this.#pass(Buffer.from(chunk.subarray(at, end))); // copied: pg may keep it
      this.#left -= end - at;
      at = end;
    }
  }

  #begin(chunk: Buffer, at: number): void {
    this.#isRow = chunk[at] === COPY_DATA;
    this.#left = chunk.readUInt32BE(at + 1) - 4; // the length counts itself
    if (this.#isRow) this.rows++;
    else this.#pass(Buffer.from(chunk.subarray(at, at + HEADER)));
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    for (let at = start; at < end;) {
      this.#block ??= free.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
      const copied = chunk.copy(this.#block, this.#filled, at, end);
      this.#filled += copied;
      at += copied;
      if (this.#filled === BLOCK && !this.#flush()) {
        this.#isFull = true;
        this.#socket?.pause();
      }
    }
  }

  /** @returns whether there is room for more */
  #flush(): boolean {
    const block = this.#block?.subarray(0, this.#filled);
    this.#block = null;
    this.#filled = 0;
    return block === undefined || this.push(block);
  }

  #leave(): void {
    if (this.#socket === null) return;
    this.#socket.removeListener("data", this.#take);
    clearTimeout(this.#rest);
    this.#socket.on("data", this.#pass);
    this.#socket.resume();
    this.#socket = null;
  }
}

/** Runs `copy … to stdout` on the session. */
export function copyOut(session: Session, text: string): CopyOut {
  return session.query(new CopyOut(text));
}
