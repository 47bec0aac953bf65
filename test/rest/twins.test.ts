import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adoptedGuild } from "./guild/adopted.ts";
import { plainGuild, type Side, type Told } from "./guild/plain.ts";
import { describeRequest, readRequests, type GuildRequest } from "./guild/requests.ts";
import { MARK } from "./guild/twin.ts";

/** Where the two may differ, since isolation says so: nothing else does. */
const FORBIDDEN: readonly { readonly code: string; readonly reason: string; readonly hide: (body: Refusal) => Refusal }[] = [
  {
    code: "23505",
    reason: "PostgreSQL tells no values of a row to a role that row-level security holds (ExecConstraints, BuildIndexValueDescription)",
    hide: (body) => ({ ...body, details: null }),
  },
  {
    code: "23503",
    reason: "the same, of the key: `Key (id)=(5) is still referenced` becomes `Key is still referenced`",
    hide: (body) => ({ ...body, details: body.details?.replace(/^Key \(.*\)=\(.*\) is/, "Key is") ?? null }),
  },
];

/** A key of several columns that is MATCH FULL can't hold tenant_id, which is never null; adopt writes a CHECK that says the same. */
const ANSWERED_BY_A_CHECK = new Set(['PATCH /workshops?id=eq.1 {"hall_id":null}']);

interface Refusal {
  readonly code: string;
  readonly details: string | null;
}

const nameOf = ({ method, path, body }: GuildRequest) => `${method} ${path} ${body ?? ""}`.trim();

/** The answer as one text, but for what isolation forbids to tell. */
function comparable({ status, headers, text }: Told): string {
  const rule = FORBIDDEN.find(({ code }) => headers["proxy-status"]?.endsWith(`=${code}`) === true);
  const body = rule === undefined || text === "" ? text : JSON.stringify(rule.hide(JSON.parse(text) as Refusal));
  return [status, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`).toSorted(), "", body].join("\n");
}

const requests = await readRequests();

let plain: Side;
let adopted: Side;
beforeAll(async () => {
  [plain, adopted] = await Promise.all([plainGuild({ txEnd: "rollback" }), adoptedGuild({ TX_END: "rollback" })]);
}, 120_000);
afterAll(() => Promise.all([plain.close(), adopted.close()]));

/** Rows of every table as the side's own tenant left them. */
const files = [...new Set(requests.map(({ file }) => file))];

test("the corpus is large, and each request is in it once", () => {
  expect(requests.length).toBeGreaterThan(900);
});

describe.each(files)("%s", (file) => {
  test("is answered byte for byte as without tenants, and tells nothing of the twin", async () => {
    for (const each of requests.filter((request) => request.file === file)) {
      const [before, after] = [await plain.ask(each), await adopted.ask(each)];
      expect(after.text).not.toMatch(new RegExp(`${MARK}|tenant_id`));
      if (ANSWERED_BY_A_CHECK.has(nameOf(each))) expect([before.status, after.status]).toEqual([409, 400]);
      else expect(`${describeRequest(each)}\n${comparable(after)}`).toBe(`${describeRequest(each)}\n${comparable(before)}`);
    }
  });
});
