import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adoptedGuild } from "./guild/adopted.ts";
import { plainGuild, type Side, type Told } from "./guild/plain.ts";
import { describeRequest, readRequests, type GuildRequest } from "./guild/requests.ts";
import { MARK } from "./guild/twin.ts";

const requests = await readRequests();

let plain: Side;
let adopted: Side;
beforeAll(async () => {
  [plain, adopted] = await Promise.all([plainGuild({ txEnd: "rollback" }), adoptedGuild({ TX_END: "rollback" })]);
}, 120_000);
afterAll(() => Promise.all([plain?.close(), adopted?.close()]));

const sorted = ({ status, headers, text }: Told) => JSON.stringify({ status, headers: Object.entries(headers).toSorted(([x], [y]) => (x < y ? -1 : 1)), text });
test("d", async () => {
  const { writeFileSync } = await import("node:fs");
  let n = 0;
  let out = "";
  let wrong = "";
  let m = 0;
  const parse = (t: string) => { try { return JSON.stringify(JSON.parse(t)); } catch { return t; } };
  for (const each of requests) {
    const a = await plain.ask(each);
    const b = await adopted.ask(each);
    if (sorted(a) !== sorted(b)) {
      n++;
      out += `DIFF ${describeRequest(each)}\n A ${sorted(a)}\n B ${sorted(b)}\n`;
    }
    const e = each.expected;
    if (e !== null && (e.status !== a.status || (e.body !== null && parse(e.body) !== parse(a.text)))) {
      m++;
      wrong += `WRONG ${describeRequest(each)}\n want ${e.status} ${e.body}\n got  ${a.status} ${a.text}\n`;
    }
  }
  writeFileSync("/tmp/x.diff", out);
  writeFileSync("/tmp/x.wrong", wrong);
  console.log(n, "differ", m, "wrong of", requests.length, requests.filter((r) => r.expected !== null).length);
}, 300_000);
