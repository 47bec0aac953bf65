import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { guildClient, loadGuild } from "./guild-client.ts";
import type { Client } from "./served.ts";

let db: TestDatabase;
let guild: Client;
beforeAll(async () => {
  db = await testDatabase();
  await loadGuild(db);
  guild = await guildClient(db);
});
afterAll(() => db.close());

/** Rows as PostgREST writes them: a comma, a space, a line and a space between two. */
const rows = (...each: string[]) => `[${each.join(", \n ")}]`;
const ids = (...each: number[]) => rows(...each.map((id) => `{"id":${id}}`));

const MEMBERS: readonly (readonly [filters: string, ...found: number[]])[] = [
  ["id=in.(1,2)", 1, 2],
  ["id=in.()"],
  ["id=not.in.()", 1, 2, 3, 4, 5, 6],
  ["id=eq(any).{1,2}", 1, 2],
  ["id=gt(all).{3,4}", 5, 6],
  ["rank=in.(master,warden)", 1, 2, 6],
  ["rank=gte.master", 1, 2, 6],
  ["sponsor_id=isdistinct.2", 1, 2, 5, 6],
  ["sponsor_id=is.null", 1],
  ["sponsor_id=not.is.NULL&id=lt.4", 2, 3],
  ["skills=cs.{forging}", 2, 3],
  ["skills=cd.{forging,polishing}", 2, 3, 4],
  ["skills=ov.{forging,planing}", 1, 2, 3],
  ['skills=eq.{planing,"dove, tails"}', 1],
  ["profile->shoe->>size=eq.44", 2],
  ["profile->shoe->>size=in.()"],
  ["profile->>shoe=not.in.()&id=lt.3", 1, 2],
  ["profile->langs->0=eq.%22nl%22", 1, 2],
  ["profile->langs->>-1=eq.en", 1],
  ['profile=cs.{"langs":["en"]}', 1],
  ["first_name=like.A*", 1],
  ["full_name=ilike.*jansen", 1, 4],
  ["first_name=like(any).{A*,B*}", 1, 2],
  ["first_name=like(any).{A%,B%25}", 1, 2],
  ["full_name=like.%Jans%", 1, 4],
  ["first_name=ilike(all).{a*,*A}", 1],
  ["full_name=match.^A", 1],
  ["full_name=imatch(any).{^ada,^bo}", 1, 2],
  ["full_name=not.match.n", 2, 3, 5],
  ["born_on=lt.1975-07-14&born_on=gte.1960-01-31", 1],
  ["or=(id.eq.1,and(id.gt.1,not.or(id.gt.2,first_name.eq.x)))", 1, 2],
  ["not.and=(id.gte.2,rank.not.eq.warden)", 1],
  ['and=( skills.ov.{forging,"a,b"} , or ( id.eq.3 , id.eq.9 ) )', 3],
  ["initials=eq.AJ", 1],
  ["or=(initials.eq.AJ,initials.like.C*)", 1, 3],
];

describe("filters", () => {
  for (const [filters, ...found] of MEMBERS) {
    test(`${filters}`, async () => {
      expect((await guild("GET", `/members?select=id&order=id&${filters}`)).text).toBe(ids(...found));
    });
  }

  const OTHERS: readonly (readonly [url: string, ...found: number[]])[] = [
    ["/documents?select=id&words=fts(english).tool", 1],
    ["/documents?select=id&title=wfts(english).minutes", 2],
    ["/documents?select=id&title=plfts(english).glass%20impossible", 3],
    ["/documents?select=id&title=not.phfts(english).impossible%20glass", 1, 2],
    ["/documents?select=id&attributes=fts(english).x"],
    ["/ranges?select=id&ints=adj.[10,20)", 1],
    ["/crates?select=id&outer_size->>width_cm=eq.100", 1],
    ["/crates?select=id&inner_sizes->1->height_cm=eq.16", 1],
    ["/swatches?select=id&color=eq.%23FF0000", 2],
    ["/swatches?select=id&color=in.(000000,%23FF0000)", 1, 2],
    ["/swatches?select=id&color=eq(any).{000000,%230000FF}", 1, 3],
    ["/swatches?select=id&color=neq.000000&order=color.desc", 2, 3],
  ];
  for (const [url, ...found] of OTHERS) {
    test(`${url}`, async () => {
      expect((await guild("GET", url)).text).toBe(ids(...found));
    });
  }
});

describe("columns", () => {
  test.each([
    ["/members?id=eq.1&select=n:first_name,fee::text,rank::rank", rows('{"n":"Ada","fee":"120.50","rank":"warden"}')],
    ["/members?id=eq.1&select=initials,i:initials::varchar", rows('{"initials":"AJ","i":"AJ"}')],
    ["/members?id=eq.1&select=profile->shoe,profile->langs->>0", rows('{"shoe":{"size": 38},"langs":"nl"}')],
    [
      "/crates?id=eq.1&select=outer_size->>height_cm,x:inner_sizes->0",
      rows('{"height_cm":"80","x":{"width_cm": 10, "height_cm": 8, "depth in cm": 6}}'),
    ],
    ["/swatches?id=eq.2", rows('{"id":2,"color":"#FF0000","label":"red"}')],
    ["/swatches?id=eq.2&select=c:color,t:color::text", rows('{"c":"#FF0000","t":"\\"#FF0000\\""}')],
    ["/samples?id=eq.1&select=some_ints::_int4,an_oid::int8", rows('{"some_ints":[1,null,3],"an_oid":4294967295}')],
    ["/members?select=&limit=0", "[]"],
    ["/holidays?select=&limit=1&order=day", expect.stringMatching(/^\[\{"day":"[-0-9]+"\}\]$/)],
    ["/members?select=id,initials&order=initials.desc&limit=1", rows('{"id":6,"initials":"FG"}')],
    ["/members?select=id&order=profile->shoe->size.desc.nullslast,id&limit=2", ids(2, 1)],
    ["/members?select=count", rows('{"count":6}')],
  ])("%s", async (url, body) => {
    expect((await guild("GET", url)).text).toEqual(body);
  });
});

test("the number of rows goes with no column", async () => {
  const { json, status } = await guild("GET", "/members?select=rank,count");
  expect([status, json]).toMatchObject([400, { code: "42803" }]);
  const counted = await guild("GET", "/members?select=count&rank=eq.master", { headers: { prefer: "count=exact" } });
  expect([counted.text, counted.headers["content-range"]]).toEqual(['[{"count":2}]', "0-0/2"]);
});

const REFUSED: readonly (readonly [url: string, code: string, said: object])[] = [
  ["/members?select=id::nope", "42704", { message: 'type "nope" does not exist', hint: null }],
  ["/members?select=id::regclass", "42704", { message: 'type "regclass" does not exist' }],
  [
    "/members?emial=eq.x",
    "42703",
    {
      message: "column members.emial does not exist",
      hint: 'Perhaps you meant to reference the column "members.email".',
    },
  ],
  ["/members?select=halls(nme)", "42703", { message: "column halls_1.nme does not exist" }],
  ["/members?select=crafts(nothing)", "42703", { message: "column crafts.nothing does not exist", hint: null }],
  ["/json_lab?select=data->>a->b", "42883", { message: "operator does not exist: text -> unknown" }],
  ["/members?id=eq.x", "22P02", { message: 'invalid input syntax for type bigint: "x"' }],
  ["/members?full_name=match.(a)%5C1", "RH112", { message: "The regular expression refers back to a group" }],
  [
    "/members?full_name=match.a{0,99}",
    "RH112",
    { message: "The regular expression counts 99 repetitions; at most 64 are accepted" },
  ],
  [
    "/members?full_name=match.((a%3F){0,5}){0,5}",
    "RH112",
    { message: "The regular expression repeats groups 25 times; at most 16 are accepted" },
  ],
  [`/members?full_name=imatch.${"a".repeat(101)}`, "RH112", { message: expect.stringContaining("101 characters") }],
];

test.each(REFUSED)("%s is refused", async (url, code, said) => {
  expect((await guild("GET", url)).json).toMatchObject({ code, ...said });
});
