import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that came, as it came. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: { type: string; timestamp: string; sequence: string; data: Record<string, unknown> };
}

/** A receiver on this machine, over real HTTP. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** What it does with a request; answers 204 until told otherwise. */
  answer: (received: Received, response: ServerResponse) => void;
}

const accept: Receiver["answer"] = (_, response) => response.writeHead(204).end();

export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const one = { headers: request.headers, body, event: JSON.parse(body) as Received["event"] };
      received.push(one);
      receiver.answer(one, response);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hooks`,
    port,
    received,
    answer: accept,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return receiver;
}

export function reset(receiver: Receiver): void {
  receiver.received.length = 0;
  receiver.answer = accept;
}

/** The check as Standard Webhooks describes it, written anew: whether one of the signatures is by the secret, `whsec_…`. */
export function isSignedBy({ headers, body }: Pick<Received, "headers" | "body">, secret: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signed = `${headers["webhook-id"] as string}.${headers["webhook-timestamp"] as string}.${body}`;
  const wanted = createHmac("sha256", key).update(signed).digest();
  return (headers["webhook-signature"] as string).split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}
