import type { Scanner } from "./scanner.ts";

/** One step into JSON: `->key`, `->0`, or with `->>` as text. */
export interface JsonStep {
  readonly asText: boolean;
  readonly key: string | number;
}

/** A column, or a place in it: `settings->terms->>days`. */
export interface Field {
  readonly name: string;
  readonly path: readonly JsonStep[];
}

const NO_PATH: readonly JsonStep[] = [];
const INDEX = /-?\d+(?=->|::|\.|,|\)|$)/y;

/** A key has dashes within, and never one at its start: that would be an index. */
function readKey(scanner: Scanner): string {
  if (scanner.peek() === '"') return scanner.readQuoted();
  if (scanner.take("-")) failIndex(scanner);
  const start = scanner.at;
  let key = scanner.readUntil("(-:.,>)");
  if (key === "") scanner.fail('"-", digit or any non reserved character different from: .,>()');
  while (scanner.peek() === "-" && !scanner.sees("->")) {
    scanner.at += 1;
    scanner.readUntil("(-:.,>)");
    key = scanner.text.slice(start, scanner.at);
  }
  return key.trim();
}

function failIndex(scanner: Scanner): never {
  const start = scanner.at;
  while (scanner.peek() >= "0" && scanner.peek() <= "9") scanner.at += 1;
  return scanner.fail(scanner.at === start ? "digit" : 'digit, "->", "::", ".", "," or end of input');
}

function readIndex(scanner: Scanner): number | undefined {
  INDEX.lastIndex = scanner.at;
  const found = INDEX.exec(scanner.text)?.[0];
  // What does not fit int4 is no index of an array; PostgreSQL would answer with an error of its own.
  if (found === undefined || Math.abs(Number(found)) > 0x7fffffff) return undefined;
  scanner.at += found.length;
  return Number(found);
}

/** `->key->>0` and so on, as far as there are arrows. */
export function readPath(scanner: Scanner): readonly JsonStep[] {
  if (!scanner.sees("->")) return NO_PATH;
  const steps: JsonStep[] = [];
  while (scanner.take("->")) {
    const asText = scanner.take(">");
    steps.push({ asText, key: readIndex(scanner) ?? readKey(scanner) });
  }
  return steps;
}

/** A name with a JSON path, and any space around it. */
export function readField(scanner: Scanner): Field {
  scanner.skipSpace();
  const name = scanner.readName();
  const path = readPath(scanner);
  scanner.skipSpace();
  return { name, path };
}

/** `a,"b c",d`: of `columns` and `on_conflict`. What comes after the names is not looked at, as PostgREST does not. */
export function readNames(scanner: Scanner): string[] {
  const names: string[] = [];
  do {
    scanner.skipSpace();
    names.push(scanner.readName());
    scanner.skipSpace();
  } while (scanner.take(","));
  return names;
}
