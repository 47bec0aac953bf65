import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A network between two servers, as bad as a test wants it. */
export interface Link extends AsyncDisposable {
  /** `127.0.0.1:<port>`, which leads to the far end. */
  readonly address: string;
  /** Bytes that have come from the far end. */
  received(): number;
  /** Each way; for bytes that come from now on. */
  setDelay(ms: number): void;
  /** From the far end, of all connections together; null: no limit. */
  setRate(bytesPerSecond: number | null): void;
  /** Ends all connections, and refuses new ones. */
  cut(): void;
  /** All connections stay, and nothing comes through any more; new ones are taken and never answered. */
  blackhole(): void;
  /** What was cut or blackholed works again; blackholed connections are gone, as they would be for a firewall. */
  mend(): void;
}

interface State {
  isCut: boolean;
  isBlack: boolean;
  delayMs: number;
  rate: number | null;
  received: number;
  /** When the line is free again, by performance.now(). */
  freeAt: number;
}

async function untilWritable(socket: Socket): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  await Promise.race([once(socket, "drain", { signal }), once(socket, "close", { signal })]);
  done.abort();
}

/** Bytes from one socket to the other, one chunk after the other, each at its time. */
async function pump(from: Socket, to: Socket, state: State, isAnswer: boolean): Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (state.isBlack) return;
    if (isAnswer) state.received += chunk.length;
    if (isAnswer && state.rate !== null) {
      state.freeAt = Math.max(state.freeAt, performance.now()) + (chunk.length / state.rate) * 1000;
      await sleep(state.freeAt - performance.now());
    }
    const before = last;
    const arrival = state.delayMs > 0 ? sleep(state.delayMs) : Promise.resolve();
    last = Promise.all([before, arrival]).then(() => {
      if (!state.isBlack && to.writable) to.write(chunk);
    });
    if (to.writableNeedDrain) await untilWritable(to);
  }
  await last;
  to.end();
}

/** @param port of the far end, on 127.0.0.1 */
export async function openLink(port: number): Promise<Link> {
  const state: State = { isCut: false, isBlack: false, delayMs: 0, rate: null, received: 0, freeAt: 0 };
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (state.isCut) near.destroy();
    if (state.isCut || state.isBlack) return;
    const far = connect(port, "127.0.0.1");
    keep(far);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    pump(near, far, state, false).catch(() => {});
    pump(far, near, state, true).catch(() => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endAll = () => sockets.forEach((socket) => socket.destroy());
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => state.received,
    setDelay: (ms) => void (state.delayMs = ms),
    setRate: (bytesPerSecond) => void (state.rate = bytesPerSecond),
    cut: () => {
      state.isCut = true;
      endAll();
    },
    blackhole: () => void (state.isBlack = true),
    mend: () => {
      if (state.isBlack) endAll();
      state.isCut = false;
      state.isBlack = false;
    },
    [Symbol.asyncDispose]: async () => {
      endAll();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
