import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Where a process is killed on its way through the database, by the messages that make the server work: `Query`, `Execute`, and the `Sync` that
 * ends one or several of those (PostgreSQL manual, 53.2.3). `before` the server gets the n-th, `during` its work, or `after` it has answered
 * and before the process reads that.
 */
export interface Death {
  /** Its number, the first is 1; or how the first one of these begins. */
  readonly at: number | string;
  readonly when: "before" | "during" | "after";
}

/** A way to PostgreSQL that counts what a process asks of it, and kills the process at one of its statements. */
export interface Wire extends AsyncDisposable {
  /** Of the database, through the wire. */
  readonly url: string;
  /** Counts from now on, and kills; null: only counts. @param kill ends the process; by default only its connections end, as with it */
  arm(death: Death | null, kill?: () => void): void;
  /**
   * What was asked since {@link Wire.arm}, in its order; the last is where it died. The text of a `Query`; {@link EXECUTE} and the text of an
   * `Execute`; the texts of all that a `Sync` ends.
   */
  statements(): readonly string[];
  /** Until every connection has ended on both sides: what whoever died had asked for is done by then, or never will be. */
  drained(): Promise<void>;
}

export const EXECUTE = "execute: ";

interface Message {
  readonly type: string;
  readonly words: readonly string[];
  readonly bytes: Buffer;
}

/** Whole messages of one direction; what is left waits for more. @param isUntyped the first of a client has no type (53.2.1) */
function makeSplitter(isUntyped: boolean): (chunk: Buffer) => Message[] {
  let rest: Buffer = Buffer.alloc(0);
  let head = isUntyped ? 0 : 1;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const messages: Message[] = [];
    while (rest.length >= head + 4 && rest.length >= head + rest.readUInt32BE(head)) {
      const end = head + rest.readUInt32BE(head);
      const type = head === 1 ? String.fromCharCode(rest[0]!) : "";
      const words = rest.toString("utf8", head + 4, end).split("\0", 3);
      messages.push({ type, words, bytes: rest.subarray(0, end) });
      rest = rest.subarray(end);
      head = 1;
    }
    return messages;
  };
}

const plain = (text: string) => text.replaceAll(/\s+/g, " ").trim();

function isReached(death: Death | null, statements: readonly string[]): boolean {
  if (death === null) return false;
  return typeof death.at === "number" ? death.at === statements.length : statements.at(-1)!.startsWith(death.at);
}

/** The texts of one connection's statements, also of those that were prepared before. */
function makeReader(): (message: Message) => string | null {
  const prepared = new Map<string, string>();
  let texts: string[] = [];
  return ({ type, words }) => {
    if (type === "P") prepared.set(words[0]!, words[1]!);
    if (type === "B") texts.push(prepared.get(words[1]!) ?? words[1]!);
    if (type === "Q") return plain(words[0]!);
    if (type === "E") return EXECUTE + plain(texts.at(-1) ?? "");
    if (type !== "S") return null;
    const text = plain(texts.join("; "));
    texts = [];
    return text;
  };
}

/** @param url of the database */
export async function openWire(url: string): Promise<Wire> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let statements: string[] = [];
  let death: Death | null = null;
  let isKilled = false;
  let kill: () => void = () => {};

  const clients = new Set<Socket>();
  const cut = () => clients.forEach((near) => near.destroy());
  const keep = (socket: Socket, onClose: () => void) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      onClose();
    });
  };
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    clients.add(near);
    keep(near, () => {
      clients.delete(near);
      far.end(); // after what is on its way, as the kernel does for a dead process
    });
    keep(far, () => near.destroy());
    const splitAsked = makeSplitter(true);
    const splitAnswered = makeSplitter(false);
    const read = makeReader();
    let isLast = false;
    near.on("data", (chunk: Buffer) => {
      for (const message of splitAsked(chunk)) {
        const text = read(message);
        if (text !== null && !isKilled) statements.push(text);
        const isHere = text !== null && !isKilled && isReached(death, statements);
        if (isHere && death?.when === "before") return kill();
        far.write(message.bytes);
        if (isHere && death?.when === "during") return kill();
        isLast ||= isHere;
      }
    });
    far.on("data", (chunk: Buffer) => {
      for (const message of splitAnswered(chunk)) {
        if (isLast && message.type === "Z") return kill(); // ReadyForQuery
        if (!isLast) near.write(message.bytes);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: Object.assign(new URL(url), { hostname: "127.0.0.1", port: String(port) }).href,
    arm: (next, how = cut) => {
      statements = [];
      death = next;
      isKilled = false;
      kill = () => {
        isKilled = true;
        how();
      };
    },
    statements: () => statements,
    drained: async () => {
      while (sockets.size > 0) await sleep(5);
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
