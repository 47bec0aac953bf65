import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export interface NameServer {
  /** `address:port`, as a resolver takes it. */
  readonly address: string;
  /** TXT records by lower-case name; a record is the strings it is cut into. `fail` answers SERVFAIL. */
  readonly records: Map<string, string[][] | "fail">;
  /** Runs before the next answer; whoever asks again meanwhile waits for it as well. */
  onQuestion: (() => Promise<unknown>) | null;
  close(): void;
}

const TXT = 16;
const NOERROR = 0;
const SERVFAIL = 2;
const NXDOMAIN = 3;

/** The question's name, and where the question ends. */
function readQuestion(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString("ascii", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 5 };
}

/** One answer: a pointer to the question's name, type, class IN, no time to live, and its strings (RFC 1035 4.1.3, 3.3.14). */
function answer(strings: readonly string[]): Buffer {
  const data = Buffer.concat(strings.map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])));
  const head = Buffer.from([0xc0, 0x0c, 0, TXT, 0, 1, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** A real name server on loopback, small enough to read: it answers TXT questions over UDP from a table. */
export async function startNameServer(): Promise<NameServer> {
  const socket = createSocket("udp4");
  const server: NameServer = { address: "", records: new Map(), onQuestion: null, close: () => socket.close() };

  let asked: Promise<unknown> | undefined;
  const reply = async (message: Buffer, peer: RemoteInfo) => {
    const { onQuestion } = server;
    server.onQuestion = null;
    if (onQuestion !== null) asked = onQuestion();
    await asked;
    const { name, end } = readQuestion(message);
    const found = server.records.get(name);
    const answers = Array.isArray(found) ? found.map(answer) : [];
    const code = found === undefined ? NXDOMAIN : found === "fail" ? SERVFAIL : NOERROR;
    const head = Buffer.from([message[0]!, message[1]!, 0x85, 0x80 | code, 0, 1, 0, answers.length, 0, 0, 0, 0]);
    socket.send(Buffer.concat([head, message.subarray(12, end), ...answers]), peer.port, peer.address);
  };

  socket.on("message", (message, peer) => void reply(message, peer));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address() as AddressInfo;
  return Object.assign(server, { address: `127.0.0.1:${port}` });
}
