import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RestErrorBody } from "../../src/rest/errors.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { guildClient, loadGuild } from "./guild-client.ts";
import type { Client } from "./served.ts";

let db: TestDatabase;
let guild: Client;
beforeAll(async () => {
  db = await testDatabase();
  await loadGuild(db);
  guild = await guildClient(db, { aggregates: true });
});
afterAll(() => db.close());

const oneOf = (...texts: string[]) => fc.constantFrom(...texts);
const words = (text: string) => oneOf(...text.split(" "));

const column = words(
  "id email first_name rank sponsor_id fee skills profile born_on joined_at initials profile->shoe->>size profile->langs->0 skills->-1",
);
const item = fc.oneof(
  column,
  fc.tuple(words("a b id"), column).map(([alias, name]) => `${alias}:${name}`),
  fc.tuple(column, words("text jsonb varchar rank")).map(([name, type]) => `${name}::${type}`),
  fc
    .tuple(words("id fee born_on profile->shoe->>size::int"), words("sum avg count max min"))
    .map((parts) => parts.join(".") + "()"),
  words("* count() n:count()::text count"),
);
const related = words(
  "halls home_hall_id sponsor_id crafts crafts!inner member_crafts members!sponsor_id workshops_led workshops_led!inner workshops!workshop_members senior_members senior_members!sponsor_id documents event_guests",
);
const inside = oneOf(
  "",
  "*",
  "name",
  "id",
  "count()",
  "*,members(id)",
  "level,...crafts(c:name)",
  "...members(n:id.max())",
);
const embed = fc
  .tuple(words("... x: y: "), related, inside)
  .map(([before, name, items]) => `${before.trim()}${name}(${items})`);
const FILTERS = [
  "id=gt.1",
  "id=not.in.(1,2)",
  "id=eq(any).{1,2}",
  "rank=eq.master",
  "rank=in.(master,warden)",
  "fee=lte.80.00",

  "skills=cs.{forging}",
  "skills=in.({forging},{})",
  "profile=cs.{}",
  "profile->shoe->>size=neq.1",
  "skills->0=eq.%22a%22",
  "first_name=like.A*",
  "email=ilike(any).{*a*,b*}",
  "full_name=match.^A",
  "initials=imatch(all).{a,j}",
  "initials=like.A*",
  "last_name=fts(simple).jansen",
  "profile=plfts.nl",
  "born_on=isdistinct.1960-01-31",
  "sponsor_id=is.null",
  "born_on=not.is.null",
  "joined_at=gte.2020-01-01",
  "id=sl.1",
  "rank=eq.king",
  "initials->0=eq.1",
];
const filter = oneOf(...FILTERS);
const last = oneOf(
  "",
  "order=id.desc&limit=2&offset=1",
  "order=initials.desc.nullslast,profile->shoe",
  "order=halls(name)",
  "order=sponsor_id(initials).desc",
  "order=x(name).desc&x.limit=1",
  "halls=is.null",
  "or=(x.not.is.null,rank.eq.master,and(y.is.null,fee.gt.1))",
  "or=(fee.gt.1,not.and(initials.eq.AJ,skills.ov.{forging,x}))",
  "crafts.order=name&crafts.limit=1&crafts.name=like.S*",
);
const url = fc
  .tuple(
    fc.array(fc.oneof({ weight: 2, arbitrary: item }, embed), { minLength: 1, maxLength: 4 }),
    fc.array(filter, { maxLength: 2 }),
    last,
  )
  .map(([items, filters, more]) => `/members?${[`select=${items.join(",")}`, ...filters, more].join("&")}`);

/** What PostgreSQL says of SQL that was put together badly, and never of what a client asked for. */
const OUR_FAULT = new Set("42P01 42P02 42P08 42P10 42P18 42702 42712 21000 XX000 RH900".split(" "));

test("whatever is asked for, the SQL of it is sound", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(url, async (asked) => {
      const { status, json, statement } = await guild("GET", asked);
      const { code, message } = status < 300 ? { code: "", message: "" } : (json as RestErrorBody);
      // Two embeds of one name are refused in PostgreSQL's words, and it is not asked.
      const isRefused = code === "42712" && statement === undefined;
      const isFault = (OUR_FAULT.has(code) && !isRefused) || message.startsWith("syntax error at");
      expect({ asked, message, isFault, text: statement?.text }).toMatchObject({ isFault: false });
      seen.set(code, (seen.get(code) ?? 0) + 1);
    }),
    { numRuns: 600 },
  );
  expect(seen.get("")).toBeGreaterThan(30);
});
