import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

/** The house (DESIGN.md): a file imports only its own room, or rooms on lower lines. */
const LINES: readonly (readonly string[])[] = [
  ["config", "errors", "log"],
  ["db", "embedded", "net"],
  ["tenant", "auth", "plan", "audit", "catalog", "mail", "webhook"],
  ["rest", "archive", "move", "checks", "adopt", "demo"],
  ["http", "console", "commands"],
  ["main", "cli", "app", "boot"],
];
/** Rooms of one line that may use a neighbour. Entry files may use each other: they only open and close. */
const SIDEWAYS = new Set(["auth tenant", "plan tenant", "move archive"]);
const ENTRY = 5;

/** Which rooms may import a package that decides where I/O happens. */
const PACKAGE_ROOMS: Readonly<Record<string, readonly string[]>> = {
  pg: ["db", "embedded"],
  "pg-protocol": ["db"],
  "pg-copy-streams": ["archive", "move"],
  koa: ["app", "http", "console"],
  "@koa/cors": ["http"],
  commander: ["cli", "commands"],
  "node-pg-migrate": ["db"],
  preact: ["console"],
  "preact-render-to-string": ["console"],
  jose: ["auth"],
  nodemailer: ["mail"],
};

const SRC = join(import.meta.dirname, "../src");
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const sources = files.map((name) => {
  const text = readFileSync(join(SRC, name), "utf8");
  return { name, text, code: text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "") };
});

const roomOf = (name: string) => name.split("/")[0]!.replace(/\.ts$/, "");
const lineOf = (room: string) => LINES.findIndex((rooms) => rooms.includes(room));

/** What a file imports, statically or lazily: own files as paths under src/, packages by name. */
function importsOf({ name, text }: { name: string; text: string }): string[] {
  const specifiers = [...text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map((match) => match[1]!);
  return specifiers.map((specifier) =>
    specifier.startsWith(".") ? relative(SRC, resolve(SRC, dirname(name), specifier)) : specifier,
  );
}
const isOwn = (specifier: string) => specifier.endsWith(".ts");

describe("rooms", () => {
  test("every file lives in a room of the house", () => {
    expect(sources.filter(({ name }) => lineOf(roomOf(name)) < 0).map(({ name }) => name)).toEqual([]);
  });

  test("imports go to the own room or down", () => {
    const wrong = sources.flatMap((source) => {
      const room = roomOf(source.name);
      const line = lineOf(room);
      return importsOf(source)
        .filter(isOwn)
        .filter((target) => !target.startsWith("../"))
        .filter((target) => {
          const other = roomOf(target);
          if (other === room || lineOf(other) < line) return false;
          return !(SIDEWAYS.has(`${room} ${other}`) || (line === ENTRY && lineOf(other) === ENTRY));
        })
        .map((target) => `${source.name} -> ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test("packages that do I/O are imported in their rooms only", () => {
    const wrong = sources.flatMap((source) =>
      importsOf(source)
        .filter((specifier) => PACKAGE_ROOMS[specifier]?.includes(roomOf(source.name)) === false)
        .map((specifier) => `${source.name} -> ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("places", () => {
  const filesWith = (pattern: RegExp) => sources.filter(({ code }) => pattern.test(code)).map(({ name }) => name);

  test("only config.ts reads process.env", () => {
    expect(filesWith(/process\.env|env\s*\}\s*=\s*process/)).toEqual(["config.ts"]);
  });

  test("only db/scope.ts writes the tenant context", () => {
    expect(filesWith(/platform\.enter\(|backtrace_functions|app\.context|set_config\('app\./)).toEqual(["db/scope.ts"]);
  });

  test("edge rooms hold no SQL", () => {
    const edge = new Set(LINES[4]);
    const sql = /["'`]\s*(select|insert into|update|delete from|with|begin|copy)\s+[a-z(*$]/i;
    const wrong = sources.filter(({ name, code }) => edge.has(roomOf(name)) && sql.test(code)).map(({ name }) => name);
    expect(wrong).toEqual([]);
  });
});

describe("sizes", () => {
  const lines = sources.map(({ name, text }) => ({ name, count: text.split("\n").length }));

  test("no file over 300 lines", () => {
    expect(lines.filter(({ count }) => count > 300)).toEqual([]);
  });

  test("the median file is near 110 lines", () => {
    const sorted = lines.map(({ count }) => count).toSorted((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(130);
  });

  test("no default exports, no bags", () => {
    expect(sources.filter(({ text }) => /^export default/m.test(text)).map(({ name }) => name)).toEqual([]);
    expect(files.filter((name) => /(^|\/)(utils?|helpers?|common|services?|types)(\.ts|\/)/.test(name))).toEqual([]);
  });
});
