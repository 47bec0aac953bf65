import { lookup } from "node:dns/promises";
import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https, { type RequestOptions } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { RowhouseError } from "../errors.ts";
import { hostOf, openOutboundRule, refuseOutbound, type OutboundRule } from "./outbound-rule.ts";

export interface CheckedRequest {
  /** GET when left out. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Of the answer's body. */
  readonly maxBytes: number;
  /** For all of it: name, connection, answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface CheckedAnswer {
  /** A redirect is an answer like any other, and is not followed. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Asks a URL that somebody else wrote.
 * @throws RowhouseError outboundRefused before anything is sent; outboundFailed when no whole answer came in time and size
 */
export type CheckedFetch = (url: string | URL, request: CheckedRequest) => Promise<CheckedAnswer>;

export interface Address {
  readonly address: string;
  readonly family: number;
}

export interface CheckedFetchOptions {
  /** OUTBOUND_ALLOWED */
  readonly allowed: readonly string[];
  /** Another way to look names up, for tests. */
  readonly resolve?: (host: string) => Promise<readonly Address[]>;
  /** How long every request may take, whatever it says itself; for tests, in which the machine may stand still. */
  readonly timeoutMs?: number | undefined;
  /** Certificate of an authority that is believed besides the usual ones, for tests; an operator sets NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
}

const failed = (message: string, cause?: unknown) => new RowhouseError("outboundFailed", { message, cause });

function parseUrl(text: string | URL): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw refuseOutbound("The URL can't be read", cause);
  }
}

/** Each address is checked: of a name with a public and a private one it would be chance which is asked. */
async function findAddresses(
  url: URL,
  rule: OutboundRule,
  resolve: NonNullable<CheckedFetchOptions["resolve"]>,
): Promise<readonly Address[]> {
  const host = hostOf(url);
  const family = isIP(host);
  const found =
    family !== 0
      ? [{ address: host, family }]
      : await resolve(host).catch((cause: unknown) => {
          throw failed(`The name ${host} has no address`, cause);
        });
  if (found.length === 0) throw failed(`The name ${host} has no address`);
  for (const { address } of found) rule.checkAddress(url, address);
  return found;
}

/** Gives the socket the addresses that were checked, and asks no name server again (DNS rebinding). */
const pinned =
  (addresses: readonly Address[]): LookupFunction =>
  (_, options, done) => {
    if (options.all === true) return done(null, [...addresses]);
    const first = addresses[0]!;
    done(null, first.address, first.family);
  };

async function readBody(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw failed(`The answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(url: URL, options: RequestOptions, body: string | Buffer | undefined): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === "http:" ? http : https).request(url, options);
  // Also after the answer began: an error nobody listens to would end the process.
  request.on("response", resolve).on("error", reject);
  request.end(body);
  return promise;
}

/** Rejects with the signal's reason, for what can't be stopped itself. */
function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", onAbort));
}

/**
 * Requests to URLs that tenants and operators enter (threats.md H32): HTTPS to public addresses, and to what OUTBOUND_ALLOWED lists. A name is
 * resolved once, every address is checked and the connection goes to one of those; redirects are not followed; a connection serves one
 * request.
 */
export function openCheckedFetch(options: CheckedFetchOptions): CheckedFetch {
  const rule = openOutboundRule(options.allowed);
  const resolve = options.resolve ?? ((host) => lookup(host, { all: true }));

  const ask = async (url: URL, request: CheckedRequest, signal: AbortSignal): Promise<CheckedAnswer> => {
    const addresses = await until(signal, findAddresses(url, rule, resolve));
    const { method = "GET", headers, body, maxBytes } = request;
    const sent: RequestOptions = {
      method,
      headers: { ...headers, "accept-encoding": "identity" },
      lookup: pinned(addresses),
      agent: false,
      signal,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    };
    const answer = await send(url, sent, body);
    try {
      return { status: answer.statusCode!, headers: answer.headers, body: await readBody(answer, maxBytes) };
    } finally {
      answer.destroy();
    }
  };

  return async (text, request) => {
    const url = parseUrl(text);
    rule.checkUrl(url);
    const timeoutMs = options.timeoutMs ?? request.timeoutMs;
    const limit = AbortSignal.timeout(timeoutMs);
    const signal = request.signal === undefined ? limit : AbortSignal.any([limit, request.signal]);
    try {
      return await ask(url, request, signal);
    } catch (cause) {
      if (cause instanceof RowhouseError) throw cause;
      if (limit.aborted) throw failed(`${url.host} did not answer within ${timeoutMs} ms`, cause);
      throw failed(`${url.host} gave no answer`, cause);
    }
  };
}
