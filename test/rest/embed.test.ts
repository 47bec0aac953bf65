import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { guildClient, loadGuild } from "./guild-client.ts";
import { client, readCatalog, type Client } from "./served.ts";

let db: TestDatabase;
let guild: Client;
let counting: Client;
beforeAll(async () => {
  db = await testDatabase();
  await loadGuild(db);
  guild = await guildClient(db);
  counting = await guildClient(db, { aggregates: true });
});
afterAll(() => db.close());

const rows = (...each: string[]) => `[${each.join(", \n ")}]`;

/** Bodies to the byte: embeds are JSONB, as PostgREST has them, so that their keys are sorted by length and spaced. */
const EMBEDS: readonly (readonly [url: string, body: string])[] = [
  [
    "/members?select=id,home:halls(name,city)&id=in.(1,4)",
    rows('{"id":1,"home":{"city": "Delft", "name": "Old Hall"}}', '{"id":4,"home":null}'),
  ],
  [
    "/members?select=id,crafts(name)&crafts.order=name&id=in.(1,5)",
    rows('{"id":1,"crafts":[{"name": "Carpentry"}, {"name": "Printing"}]}', '{"id":5,"crafts":[]}'),
  ],
  [
    "/commissions?select=title,invoices(number)&id=in.(1,3)",
    rows('{"title":"Council table","invoices":{"number": "2026-001"}}', '{"title":"Chandelier","invoices":null}'),
  ],
  [
    "/materials?select=name,up:parent_id(name),down:materials(name)&id=in.(1,2)",
    rows(
      '{"name":"Wood","up":null,"down":[{"name": "Oak"}, {"name": "Pine"}]}',
      '{"name":"Oak","up":{"name": "Wood"},"down":[]}',
    ),
  ],
  [
    "/mentorships?select=mentor_id(first_name),pupil:members!mentorships_pupil_fkey(first_name)&limit=1",
    rows('{"mentor_id":{"first_name": "Ada"},"pupil":{"first_name": "Bo"}}'),
  ],
  ["/members?select=id,crafts!member_crafts(code)&id=eq.2", rows('{"id":2,"crafts":[{"code": "iron"}]}')],
  [
    "/senior_members?select=full_name,halls(name),led:workshops!workshops_head_id_fkey(name)&limit=1",
    rows('{"full_name":"Ada Jansen","halls":{"name": "Old Hall"},"led":[{"name": "Joinery"}]}'),
  ],
  [
    "/workshops?select=name,rooms!inner(name,halls(city))&order=name&limit=1",
    rows('{"name":"Forge","rooms":{"name": "Quay Room", "halls": {"city": "Rotterdam"}}}'),
  ],
  [
    "/members?select=initials,workshops_led(name)&id=eq.1",
    rows('{"initials":"AJ","workshops_led":[{"name": "Joinery"}]}'),
  ],
  [
    "/workshops?select=name,computed_head(initials)&order=computed_head(full_name).desc.nullslast",
    rows(
      '{"name":"Forge","computed_head":{"initials": "Bd"}}',
      '{"name":"Joinery","computed_head":{"initials": "AJ"}}',
      '{"name":"Loft","computed_head":null}',
    ),
  ],
  ["/halls?select=city,members!inner(id)&members.rank=eq.master", rows('{"city":"Delft","members":[{"id": 2}]}')],
  ["/halls?select=city,members()&members=is.null", rows('{"city":"Gouda"}')],
  ["/halls?select=city,m:members()&m=not.is.null&order=city", rows('{"city":"Delft"}', '{"city":"Rotterdam"}')],
  [
    "/halls?select=city,members(),events()&or=(members.is.null,events.not.is.null)&order=city.desc&limit=1",
    rows('{"city":"Rotterdam"}'),
  ],
  ["/halls?select=members()&limit=1", rows("{}")],
  ["/members?select=id,halls!inner(name)&halls.limit=0", "[]"],
  [
    "/halls?select=city,members!inner(id)&members.offset=1&members.order=id&city=eq.Delft",
    rows('{"city":"Delft","members":[{"id": 2}]}'),
  ],
  [
    "/members?select=id,crafts(*)&id=eq.2",
    rows('{"id":2,"crafts":[{"code": "iron", "name": "Smithing", "colors": ["black", "red"], "is_messy": true}]}'),
  ],
  ["/crates?select=contents->0&limit=1", rows('{"contents":{"what": "nails", "count": 200}}')],
  [
    "/halls?select=city,members(id)&members.order=id.desc&members.limit=1&members.offset=1&order=city&limit=1",
    rows('{"city":"Delft","members":[{"id": 1}]}'),
  ],
  [
    "/members?select=id,sponsor:sponsor_id(first_name)&order=sponsor(first_name).desc.nullslast,id&limit=2",
    rows('{"id":5,"sponsor":{"first_name": "Cy"}}', '{"id":3,"sponsor":{"first_name": "Bo"}}'),
  ],
  [
    "/customers?select=name,commissions(id,members(first_name))&commissions.order=members(first_name)&id=eq.1",
    rows(
      '{"name":"City of Delft","commissions":[{"id": 1, "members": {"first_name": "Ada"}}, {"id": 4, "members": null}]}',
    ),
  ],
  [
    "/members?select=home_hall_id,home_hall_id(city)&home_hall_id=is.null&limit=1",
    rows('{"home_hall_id":null,"home_hall_id":null}'),
  ],
];

describe("embeds", () => {
  test.each(EMBEDS)("%s", async (url, body) => {
    expect((await guild("GET", url)).text).toBe(body);
  });

  test("a name of the relation is still taken for that of an embed with an alias, with a warning", async () => {
    const legacy = await guild("GET", "/members?select=id,h:halls(name)&halls.name=eq.x&limit=1");
    expect(legacy.text).toBe(rows('{"id":1,"h":null}'));
    expect(legacy.headers["warning"]).toMatch(/^299 \S+ "Embedded resource .* Update `halls` to `h` in query string/);
    const own = await guild("GET", "/members?select=id,h:halls(name)&h.name=eq.x&limit=1");
    expect([own.text, own.headers["warning"]]).toEqual([legacy.text, undefined]);
  });
});

const SPREADS: readonly (readonly [url: string, body: string])[] = [
  [
    "/members?select=id,...halls(hall:name,city)&id=in.(1,4)",
    rows('{"id":1,"hall":"Old Hall","city":"Delft"}', '{"id":4,"hall":null,"city":null}'),
  ],
  [
    "/halls?select=city,...members(ids:id,first_name)&members.order=id.desc&order=city",
    rows(
      '{"city":"Delft","ids":[2, 1],"first_name":["Bo", "Ada"]}',
      '{"city":"Gouda","ids":[],"first_name":[]}',
      '{"city":"Rotterdam","ids":[5, 3],"first_name":["Eli", "Cy"]}',
    ),
  ],
  [
    "/commissions?select=id,...customers(who:name,...addresses!customers_billing_fkey(street))&id=eq.1",
    rows('{"id":1,"who":"City of Delft","street":"Oude Delft 1"}'),
  ],
  [
    "/members?select=id,member_crafts(level,...crafts(name))&id=eq.2",
    rows('{"id":2,"member_crafts":[{"name": "Smithing", "level": 9}]}'),
  ],
  [
    "/members?select=id,...crafts(code,...members(who:id))&crafts.order=code&crafts.members.order=id&id=eq.1",
    rows('{"id":1,"code":["ink", "wood"],"who":[[1], [1, 4]]}'),
  ],
  [
    "/commissions?select=id,...customers(name)&order=customers(name).desc,id&limit=1",
    rows('{"id":5,"name":"No Address"}'),
  ],
  ["/commissions?select=id,...customers!inner()&customers.name=eq.No Address", rows('{"id":5}')],
];

test.each(SPREADS)("%s", async (url, body) => {
  expect((await guild("GET", url)).text).toBe(body);
});

const AGGREGATES: readonly (readonly [url: string, body: string])[] = [
  ["/commissions?select=count(),budget.sum(),most:budget.max()::int", rows('{"count":5,"sum":4700.75,"most":2500}')],
  [
    "/members?select=rank,n:count()&order=rank&limit=2",
    rows('{"rank":"apprentice","n":2}', '{"rank":"journeyman","n":1}'),
  ],
  ["/members?select=profile->shoe->>size::int.avg()::int", rows('{"avg":41}')],
  [
    "/crafts?select=code,member_crafts(level.avg(),count())&code=eq.wood",
    rows('{"code":"wood","member_crafts":[{"avg": 5.5000000000000000, "count": 2}]}'),
  ],
  [
    "/commissions?select=total:budget.sum(),...customers(name)&order=customers(name)&limit=2",
    rows('{"total":2900.00,"name":"City of Delft"}', '{"total":null,"name":"Maison Blanche"}'),
  ],
  [
    "/commissions?select=...customers(name,ids:id.max(),count())&order=customers(name)&limit=1",
    rows('{"name":"City of Delft","ids":1,"count":2}'),
  ],
  [
    "/commission_items?select=commissions(title),quantity.sum()&commission_id=eq.2",
    rows('{"sum":122,"commissions":{"title": "Gate"}}'),
  ],
  [
    "/commission_items?select=...commissions(state,...customers(name,count()))&order=commissions(state)&limit=2",
    rows('{"state":"asked","name":"Maison Blanche","count":1}', '{"state":"agreed","name":"City of Delft","count":1}'),
  ],
];

describe("aggregates", () => {
  test.each(AGGREGATES)("%s", async (url, body) => {
    expect((await counting("GET", url)).text).toEqual(body);
  });

  test("a row that is not there is not counted", async () => {
    const url =
      "/commission_items?select=...commissions(state,n:count(),...invoices(m:count()))&order=commissions(state)";
    expect((await counting("GET", `${url}&limit=3`)).json).toEqual([
      { state: "asked", n: 1, m: 0 },
      { state: "agreed", n: 1, m: 0 },
      { state: "in progress", n: 2, m: 2 },
    ]);
  });

  test("a page of groups is counted, with or without a body", async () => {
    const url = "/members?select=rank,count()";
    const [full, head] = [await counting("GET", url), await counting("HEAD", url)];
    expect([full.headers["content-range"], head.headers["content-range"]]).toEqual(["0-3/*", "0-3/*"]);
  });
});

const REFUSED: readonly (readonly [url: string, status: number, said: object])[] = [
  ["/members?select=count()", 400, { code: "PGRST123", message: "Use of aggregate functions is not allowed" }],
  ["/members?select=halls(name,id.max())", 400, { code: "PGRST123" }],
  [
    "/members?select=id,h:halls(name)&h=eq.3",
    400,
    {
      code: "PGRST120",
      message: "Bad operator on the 'h' embedded resource",
      details: "Only is null or not is null filters are allowed on embedded resources",
      hint: null,
    },
  ],
  [
    "/halls?select=*,ms:members(*)&order=ms(id)",
    400,
    {
      code: "PGRST118",
      message: "A related order on 'ms' is not possible",
      details: "'halls' and 'ms' do not form a many-to-one or one-to-one relationship",
      hint: null,
    },
  ],
  [
    "/members?select=*,nope(*)&hall.id=eq.1",
    400,
    {
      code: "PGRST108",
      message: "'hall' is not an embedded resource in this request",
      details: null,
      hint: "Verify that 'hall' is included in the 'select' query parameter.",
    },
  ],
  [
    "/customers?select=*,adresses(*)",
    400,
    {
      code: "PGRST200",
      message: "Could not find a relationship between 'customers' and 'adresses' in the schema cache",
      details:
        "Searched for a foreign key relationship between 'customers' and 'adresses' in the schema 'guild', but no matches were found.",
      hint: "Perhaps you meant 'addresses' instead of 'adresses'.",
    },
  ],
  [
    "/holidays?select=day,holy_days(*)",
    400,
    { code: "PGRST200", details: expect.stringContaining("between 'holidays' and 'holy_days' in the"), hint: null },
  ],
  [
    "/members?select=nope,crafts(nope,halls!nope(*))&order=nope",
    400,
    { code: "PGRST200", details: expect.stringContaining("'crafts' and 'halls' using the hint 'nope' in") },
  ],
  ["/members?select=nope,crafts(*)&order=nope", 400, { code: "42703", message: "column members.nope does not exist" }],
  [
    "/customers?select=*,addresses!nope(*)",
    400,
    { code: "PGRST200", details: expect.stringContaining("'addresses' using the hint 'nope' in"), hint: null },
  ],
  [
    "/workshops?select=members(*)",
    300,
    {
      code: "PGRST201",
      message: "Could not embed because more than one relationship was found for 'workshops' and 'members'",
      details: [
        {
          cardinality: "many-to-one",
          embedding: "workshops with members",
          relationship: "workshops_head_id_fkey using workshops(head_id) and members(id)",
        },
        {
          cardinality: "many-to-many",
          embedding: "workshops with members",
          relationship:
            "workshop_members using workshop_members_workshop_id_fkey(workshop_id) and workshop_members_member_id_fkey(member_id)",
        },
      ],
      hint: "Try changing 'members' to one of the following: 'members!workshops_head_id_fkey', 'members!workshop_members'. Find the desired relationship in the 'details' key.",
    },
  ],
];

test.each(REFUSED)("%s: %i", async (url, status, said) => {
  const served = await guild("GET", url);
  expect([served.status, served.json]).toEqual([status, expect.objectContaining(said)]);
});

test("an aggregate in a spread of many rows has no place", async () => {
  for (const inner of ["id.max()", "...halls(count())"]) {
    expect((await counting("GET", `/crafts?select=code,...members(${inner})`)).json).toEqual({
      code: "PGRST127",
      message: "Feature not implemented",
      details: "Aggregates are not implemented for one-to-many or many-to-many spreads.",
      hint: null,
    });
  }
});

test("two embeds of one name are refused, as PostgreSQL refuses PostgREST's joins", async () => {
  for (const url of ["/members?select=halls(name),halls(city)", "/members?select=x:halls(name),x:crafts(name)"]) {
    const { status, json, statement } = await guild("GET", url);
    const name = url.includes("x:") ? "x" : "halls";
    expect({ status, json, statement }).toEqual({
      status: 400,
      json: {
        code: "42712",
        details: null,
        hint: null,
        message: `table name "members_${name}_1" specified more than once`,
      },
      statement: undefined,
    });
  }
  expect((await guild("GET", "/members?select=halls(name),other:halls(city)&limit=1")).status).toBe(200);
});

describe("a function that returns one row, and not a set of them", () => {
  let acme: Client;
  beforeAll(async () => {
    await db.admin.query(`
      create function app.dear_invoice_of(app.customers) returns app.invoices language sql stable as
        $$ select * from app.invoices i where i.customer_id = $1.id and i.total_cents > 1e15 limit 1 $$;
      grant execute on function app.dear_invoice_of(app.customers) to rowhouse_api`);
    acme = await client(db, "acme", await readCatalog(db));
  });

  test("gives a row of nulls where it finds none", async () => {
    const { status, json } = await acme("GET", "/customers?select=dear_invoice_of(id,number)&limit=1");
    expect([status, json]).toEqual([200, [{ dear_invoice_of: { id: null, number: null } }]]);
  });
});
