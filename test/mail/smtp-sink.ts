import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** A letter as a mail server got it. */
export interface SunkLetter {
  readonly from: string;
  readonly to: string[];
  readonly data: string;
}

export interface SmtpSink extends AsyncDisposable {
  readonly url: string;
  readonly letters: SunkLetter[];
  /** Connections so far. */
  connections(): number;
  /**
   * What the server does with a command: its reply, `null` for the usual one, or `cut` to break the connection. `DATA.` is the end of the text,
   * `OPEN` the connection's beginning.
   */
  respond: (command: string) => string | null | Promise<string | null>;
}

/** A mail server that speaks as much SMTP as is needed (RFC 5321), and keeps what it gets. */
export async function openSmtpSink(): Promise<SmtpSink> {
  const letters: SunkLetter[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const sink: Pick<SmtpSink, "respond"> = { respond: () => null };
  const server = createServer((socket) => {
    count++;
    sockets.add(socket);
    socket.on("error", () => {});
    let rest = "";
    let letter = { from: "", to: [] as string[], data: "" };
    let isData = false;
    const answer = async (command: string, usual: string) => {
      const reply = (await sink.respond(command)) ?? usual;
      if (reply === "cut") socket.destroy();
      else socket.write(`${reply}\r\n`);
      return reply;
    };
    const take = async (line: string) => {
      if (isData) {
        if (line !== ".") {
          letter.data += `${line.replace(/^\.\./, ".")}\n`;
          return;
        }
        isData = false;
        letters.push(letter);
        letter = { from: "", to: [], data: "" };
        await answer("DATA.", "250 kept");
        return;
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === "MAIL") letter.from = line.slice("MAIL FROM:".length);
      if (verb === "RCPT") letter.to.push(line.slice("RCPT TO:".length));
      const reply = await answer(verb, verb === "DATA" ? "354 go on" : verb === "QUIT" ? "221 bye" : "250 fine");
      if (verb === "DATA" && reply.startsWith("354")) isData = true;
    };
    let queue = Promise.resolve();
    socket.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("utf8")).split("\r\n");
      rest = lines.pop()!;
      for (const line of lines) queue = queue.then(() => take(line));
    });
    void answer("OPEN", "220 sink");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(sink, {
    url: `smtp://127.0.0.1:${port}`,
    letters,
    connections: () => count,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
