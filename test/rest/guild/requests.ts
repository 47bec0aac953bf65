import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What a hand that knows the rows and PostgREST's documentation wrote down. */
export interface Expected {
  readonly status: number;
  /** As it reads, not byte for byte: JSON is compared as values. Null when only the status is told. */
  readonly body: string | null;
}

/** A request of the corpus, told as `requests/*.http` has it. */
export interface GuildRequest {
  readonly file: string;
  readonly method: string;
  readonly path: string;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly expected: Expected | null;
}

/** RFC 3986: what may not stand in a URL is encoded; percent signs are taken as they are. */
const encode = (url: string) => url.replaceAll(/[^\x21-\x7e]|["<>\\^`{|}]/gu, encodeURIComponent);

function readBlock(file: string, [first = "", ...lines]: readonly string[]): GuildRequest {
  const [method = "", ...url] = first.split(" ");
  const headers: Record<string, string> = {};
  let body: string | null = null;
  let expected: Expected | null = null;
  for (const line of lines) {
    const [, name, value] = /^([A-Z][A-Za-z-]*): (.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) {
      const key = name.toLowerCase();
      headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
    } else if (line.startsWith(">")) body = line.slice(2);
    else if (line.startsWith("= ")) expected = { status: Number(line.slice(2, 5)), body: line.slice(6) || null };
    else throw new Error(`${file}: ${first}: what is ${line}?`);
  }
  if (body !== null) headers["content-type"] ??= "application/json";
  if (!headers["content-type"]?.includes("json")) body = body?.replaceAll(String.raw`\n`, "\n") ?? null;
  return { file, method, path: encode(url.join(" ")), headers, body, expected };
}

/**
 * Reads `requests/*.http`: a line `METHOD /path?query` in plain letters, then lines `Header: value`, `> body` (of CSV with `\n` for its ends of
 * lines) and `= status body` with what is expected. A line that starts with `# ` is a remark.
 */
export async function readRequests(): Promise<GuildRequest[]> {
  const folder = join(import.meta.dirname, "requests");
  const files = (await readdir(folder)).filter((name) => name.endsWith(".http")).toSorted();
  const all: GuildRequest[] = [];
  for (const file of files) {
    const lines = (await readFile(join(folder, file), "utf8")).split("\n");
    let block: string[] = [];
    const end = () => {
      if (block.length > 0) all.push(readBlock(file, block));
      block = [];
    };
    for (const line of lines) {
      if (line === "" || line.startsWith("# ")) continue;
      if (/^[A-Z]+ \//.test(line)) end();
      block.push(line);
    }
    end();
  }
  return all;
}

/** How a request is named in a report. */
export function describeRequest({ file, method, path, headers, body }: GuildRequest): string {
  const told = Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`);
  return `${file} ${method} ${decodeURIComponent(path.replaceAll(/%(?![0-9A-F]{2})/gi, "%25"))}${told.join("")}${body === null ? "" : ` > ${body}`}`;
}
