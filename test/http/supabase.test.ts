import { PostgrestClient } from "@supabase/postgrest-js";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adoptedGuild, type AdoptedGuild } from "../rest/guild/adopted.ts";
import { fetchFrom } from "./browser.ts";
import { watchMethods } from "./client-methods.ts";

const URL = "http://acme.localhost";

const methods = watchMethods();
let guild: AdoptedGuild;
let send: typeof fetch;
let token: string;

/** Tables of any name, with columns of any name and type. */
type Anything = ReturnType<typeof JSON.parse>;

/** As an application makes it, without types of its own. */
const connect = (own: typeof fetch = send) =>
  createClient<Anything, { PostgrestVersion: "14" }>(URL, token, {
    global: { fetch: own },
    auth: { persistSession: false, autoRefreshToken: false },
  });
let supabase: ReturnType<typeof connect>;

beforeAll(async () => {
  guild = await adoptedGuild({ TX_END: "commit-allow-override", PLANS: true });
  ({ token } = guild);
  send = fetchFrom(guild.server, "acme.localhost");
  supabase = connect();
}, 240_000);
afterAll(() => guild.close());

const members = (columns = "id") => supabase.from("members").select(columns);
const ids = (...numbers: number[]) => numbers.map((id) => ({ id }));
type Query = PromiseLike<{ readonly data: unknown; readonly error: unknown }>;

describe("every filter", () => {
  const cases: readonly (readonly [name: string, build: () => Query, data: unknown])[] = [
    ["eq", () => members().eq("id", 2), ids(2)],
    ["neq", () => members().neq("id", 2).order("id"), ids(1, 3, 4, 5, 6)],
    ["gt, lt", () => members().gt("id", 1).lt("id", 4).order("id"), ids(2, 3)],
    ["gte, lte", () => members().gte("id", 2).lte("id", 3).order("id"), ids(2, 3)],
    ["like", () => members().like("first_name", "%e%"), ids(4)],
    ["ilike", () => members().ilike("first_name", "%E%").order("id"), ids(4, 5)],
    ["likeAllOf", () => members().likeAllOf("first_name", ["%e%", "D%"]), ids(4)],
    ["likeAnyOf", () => members().likeAnyOf("first_name", ["A%", "B%"]).order("id"), ids(1, 2)],
    ["ilikeAllOf", () => members().ilikeAllOf("first_name", ["a%", "%A"]), ids(1)],
    ["ilikeAnyOf", () => members().ilikeAnyOf("first_name", ["%A", "%O"]).order("id"), ids(1, 2)],
    ["regexMatch", () => members().regexMatch("email", "^[ab]").order("id"), ids(1, 2)],
    ["regexIMatch", () => members().regexIMatch("email", "^[AB]").order("id"), ids(1, 2)],
    ["is", () => members().is("sponsor_id", null), ids(1)],
    ["isDistinct", () => members().isDistinct("sponsor_id", 2).order("id"), ids(1, 2, 5, 6)],
    ["in", () => members().in("id", [1, 3]).order("id"), ids(1, 3)],
    [
      "in, of what needs quotes",
      () => supabase.from("suppliers").select("id").in("name", ["Iron, Inc.", "Sand (fine)"]).order("id"),
      ids(2, 3),
    ],
    ["notIn", () => members().notIn("id", [1, 3]).order("id"), ids(2, 4, 5, 6)],
    ["contains, of an array", () => members().contains("skills", ["forging"]).order("id"), ids(2, 3)],
    ["contains, of JSON", () => members().contains("profile", { langs: ["en"] }), ids(1)],
    [
      "contains, of a range",
      () => supabase.from("ranges").select("id").contains("ints", "[4,5]").order("id"),
      ids(1, 3),
    ],
    ["containedBy", () => members().containedBy("skills", ["forging", "polishing"]).order("id"), ids(2, 3, 4)],
    ["overlaps", () => members().overlaps("skills", ["forging", "blowing"]).order("id"), ids(2, 3, 6)],
    ["rangeGt", () => supabase.from("ranges").select("id").rangeGt("ints", "[5,6]"), ids(2)],
    ["rangeGte", () => supabase.from("ranges").select("id").rangeGte("ints", "[2,3]"), ids(2)],
    ["rangeLt", () => supabase.from("ranges").select("id").rangeLt("ints", "[15,20]").order("id"), ids(1, 3)],
    ["rangeLte", () => supabase.from("ranges").select("id").rangeLte("ints", "[1,9]").order("id"), ids(1, 3)],
    ["rangeAdjacent", () => supabase.from("ranges").select("id").rangeAdjacent("ints", "[20,25)"), ids(2)],
    ["textSearch", () => supabase.from("texts").select("id").textSearch("english", "impossible"), ids(1)],
    [
      "textSearch, plain",
      () => supabase.from("texts").select("id").textSearch("english", "kind fun", { type: "plain", config: "english" }),
      ids(1),
    ],
    [
      "textSearch, phrase",
      () =>
        supabase.from("texts").select("id").textSearch("english", "kind of fun", { type: "phrase", config: "english" }),
      ids(1),
    ],
    [
      "textSearch, websearch",
      () =>
        supabase
          .from("texts")
          .select("id")
          .textSearch("english", "fun -kind", { type: "websearch", config: "english" }),
      ids(2),
    ],
    ["match", () => members().match({ rank: "master", last_name: "Gone" }), ids(6)],
    ["not", () => members().not("id", "in", "(1,2,3)").order("id"), ids(4, 5, 6)],
    ["or", () => members().or("id.eq.1,and(id.gt.3,id.lt.5)").order("id"), ids(1, 4)],
    ["filter", () => members().filter("fee", "gt", 80), ids(1)],
    [
      "or, of an embed",
      () =>
        supabase
          .from("halls")
          .select("name,members(id)")
          .or("rank.eq.warden,id.eq.9", { referencedTable: "members" })
          .order("id")
          .limit(1),
      [{ name: "Old Hall", members: ids(1) }],
    ],
  ];
  test.each(cases)("%s", async (_name, build, data) => {
    expect(await build()).toMatchObject({ error: null, data });
  });
});

describe("every modifier", () => {
  test("order and limit, of the rows and of an embed", async () => {
    const { data } = await supabase
      .from("halls")
      .select("name,members(id)")
      .order("name", { ascending: false })
      .order("city", { ascending: true })
      .order("id", { referencedTable: "members", ascending: false })
      .limit(1, { referencedTable: "members" })
      .limit(2);
    expect(data).toEqual([
      { name: "Old Hall", members: ids(2) },
      { name: "Old Hall", members: [] },
    ]);
    const nulls = await members().order("sponsor_id", { nullsFirst: true }).order("id").limit(1);
    expect(nulls.data).toEqual(ids(1));
  });

  test("range, of the rows and of an embed, with a count", async () => {
    const { data, count, status } = await supabase
      .from("members")
      .select("id", { count: "exact" })
      .order("id")
      .range(2, 3);
    expect({ data, count, status }).toEqual({ data: ids(3, 4), count: 6, status: 206 });
    const inner = await supabase
      .from("halls")
      .select("members(id)")
      .order("id")
      .order("id", { referencedTable: "members" })
      .range(1, 1, { referencedTable: "members" })
      .limit(1);
    expect(inner.data).toEqual([{ members: ids(2) }]);
  });

  test.each(["exact", "planned", "estimated"] as const)("head with count %s", async (kind) => {
    const { data, count } = await supabase.from("members").select("*", { count: kind, head: true });
    expect({ data, count }).toEqual({ data: null, count: 6 });
  });

  test("single and maybeSingle", async () => {
    expect((await members().eq("id", 1).single()).data).toEqual({ id: 1 });
    expect((await members().single()).error).toMatchObject({ code: "PGRST116", details: "The result contains 6 rows" });
    expect(await members().eq("id", 99).maybeSingle()).toMatchObject({ data: null, error: null });
    expect((await members().eq("id", 1).maybeSingle()).data).toEqual({ id: 1 });
    expect((await members().maybeSingle()).error).toMatchObject({ code: "PGRST116" });
  });

  test("csv, stripNulls", async () => {
    expect((await members("id,last_name").lte("id", 2).order("id").csv()).data).toBe(
      'id,last_name\n1,Jansen\n2,"de Vries"',
    );
    expect((await members("id,sponsor_id").eq("id", 1).stripNulls()).data).toEqual(ids(1));
    expect((await members("id,sponsor_id").eq("id", 1).single().stripNulls()).data).toEqual({ id: 1 });
  });

  test("geojson needs PostGIS, which is not there", async () => {
    expect((await members().geojson()).error).toMatchObject({ code: "42883" });
  });

  test("explain, as text and as JSON", async () => {
    expect((await members().eq("id", 1).explain()).data).toMatch(/cost=/);
    const told = await members().explain({
      analyze: true,
      verbose: true,
      settings: true,
      buffers: true,
      format: "json",
    });
    expect(told.data).toEqual([expect.objectContaining({ Plan: expect.any(Object) })]);
  });

  test("an aborted request ends as the client expects it", async () => {
    const controller = new AbortController();
    controller.abort();
    const { error, status } = await members().abortSignal(controller.signal);
    expect({ message: error?.message, status }).toEqual({ message: expect.stringMatching(/abort/i), status: 0 });
  });

  test("throwOnError throws what the server said", async () => {
    await expect(members("nosuch").throwOnError()).rejects.toMatchObject({
      code: "42703",
      message: "column members.nosuch does not exist",
    });
  });

  test("setHeader, and types that the caller brings", async () => {
    expect((await members().eq("id", 1).returns<{ id: number }[]>()).data).toEqual(ids(1));
    const query = members("joined_at").eq("id", 1).setHeader("Prefer", "timezone=Europe/Amsterdam").single();
    const { data } = await query.overrideTypes<{ joined_at: string }, { merge: false }>();
    expect(data?.joined_at).toBe("1990-04-01T11:00:00+02:00");
  });

  test("a schema by its name; any other is refused", async () => {
    expect((await supabase.schema("guild").from("holidays").select("day").limit(1)).data).toHaveLength(1);
    expect((await supabase.schema("platform").from("tenants").select()).error).toMatchObject({ code: "PGRST106" });
  });

  test("what the server can't do now is asked again, and counted", async () => {
    const counts: (string | null)[] = [];
    const impatient = connect((input, init) => {
      counts.push(new Headers(init?.headers).get("x-retry-count"));
      const busy = () => Promise.resolve(new Response("", { status: 503, headers: { "retry-after": "0" } }));
      return counts.length < 3 ? busy() : send(input, init);
    });
    expect((await impatient.from("members").select("id").eq("id", 1)).data).toEqual(ids(1));
    expect(counts).toEqual([null, "1", "2"]);
    counts.length = 0;
    expect((await impatient.from("members").select("id").retry(false)).status).toBe(503);
  });
});

describe("every write", () => {
  const craft = (code: string) => ({ code, name: `Craft ${code}` });

  test("insert: one, several, with defaults for what is missing, with a count", async () => {
    expect(await supabase.from("crafts").insert(craft("j1"))).toMatchObject({ error: null, status: 201, data: null });
    const many = await supabase
      .from("crafts")
      .insert([craft("j2"), { ...craft("j3"), is_messy: true }], { count: "exact", defaultToNull: false })
      .select("code,is_messy");
    expect(many).toMatchObject({
      count: 2,
      data: [
        { code: "j2", is_messy: false },
        { code: "j3", is_messy: true },
      ],
    });
    expect((await supabase.from("crafts").insert(craft("j1"))).error).toMatchObject({ code: "23505" });
  });

  test("upsert: merges, ignores, on the key that is named", async () => {
    const merged = await supabase
      .from("crafts")
      .upsert({ ...craft("j1"), is_messy: true })
      .select("is_messy")
      .single();
    expect(merged).toMatchObject({ status: 200, data: { is_messy: true } });
    const again = [craft("j1"), craft("j4")];
    const ignored = await supabase
      .from("crafts")
      .upsert(again, { onConflict: "code", ignoreDuplicates: true })
      .select("code");
    expect(ignored.data).toEqual([{ code: "j4" }]);
  });

  test("update and delete, with what they changed", async () => {
    const updated = await supabase.from("crafts").update({ is_messy: true }, { count: "exact" }).like("code", "j%");
    expect(updated).toMatchObject({ status: 204, count: 4, data: null });
    const changed = await supabase.from("crafts").update({ name: "New" }).eq("code", "j2").select("name").single();
    expect(changed.data).toEqual({ name: "New" });
    const removed = await supabase.from("crafts").delete({ count: "exact" }).like("code", "j%").select("code");
    expect(removed).toMatchObject({ count: 4, status: 200 });
    expect((await supabase.from("crafts").delete().eq("code", "j1")).status).toBe(204);
  });

  test("rollback leaves everything as it was", async () => {
    const { data } = await supabase.from("crafts").insert(craft("gone")).select("code").rollback();
    expect(data).toEqual([{ code: "gone" }]);
    expect((await supabase.from("crafts").select("code").eq("code", "gone")).data).toEqual([]);
  });

  test("maxAffected refuses what reaches further", async () => {
    const { error } = await supabase.from("members").update({ fee: 1 }).gt("id", 0).maxAffected(5);
    expect(error).toMatchObject({ code: "PGRST124", details: "The query affects 6 rows" });
    expect((await members("fee").eq("id", 1).single()).data).toEqual({ fee: 120.5 });
  });
});

describe("every way to call a function", () => {
  test("with arguments, by POST, GET and HEAD", async () => {
    expect((await supabase.rpc("add_them", { a: 2, b: 3 })).data).toBe(5);
    expect((await supabase.rpc("add_them", { a: 2, b: 3 }, { get: true })).data).toBe(5);
    const byRanks = supabase.rpc("by_ranks", { ranks: ["master", "warden"] }, { get: true });
    expect((await byRanks.select("id").order("id")).data).toEqual(ids(1, 2, 6));
    const counted = await supabase.rpc("list_members", {}, { head: true, count: "exact" });
    expect({ data: counted.data, count: counted.count }).toEqual({ data: null, count: 6 });
    expect((await supabase.rpc("set_parameter", { key: "none", value: { a: 1 } }, { head: true })).error).toBeNull();
  });

  test("its rows take filters, orders, embeds and counts", async () => {
    const { data, count } = await supabase
      .rpc("list_members", undefined, { count: "exact" })
      .select("id,halls(name)")
      .gt("id", 2)
      .order("id", { ascending: false })
      .limit(2);
    expect({ data, count }).toEqual({
      data: [
        { id: 6, halls: null },
        { id: 5, halls: { name: "Harbour Hall" } },
      ],
      count: 4,
    });
  });

  test("what it raises, and one that is not there", async () => {
    const { error } = await supabase.rpc("fail_with", { state: "PT418", message: "tea" });
    expect(error).toMatchObject({ code: "PT418", message: "tea", details: "as asked", hint: "ask for less" });
    expect((await supabase.rpc("nosuch")).error).toMatchObject({ code: "PGRST202" });
    expect((await supabase.rpc("open_ticket", { subject: "x" }, { get: true })).error).toMatchObject({ code: "25006" });
    expect((await supabase.rpc("nothing")).status).toBe(204);
  });
});

describe("postgrest-js by itself", () => {
  const alone = (schema: string) =>
    new PostgrestClient(`${URL}/rest/v1`, { headers: { Authorization: `Bearer ${token}` }, fetch: send, schema });

  test("reads, calls, and takes another schema", async () => {
    expect((await alone("guild").from("holidays").select()).data).toHaveLength(2);
    expect((await alone("public").schema("guild").from("holidays").select()).data).toHaveLength(2);
    expect((await alone("guild").rpc("add_them", { a: 2, b: 3 })).data).toBe(5);
    expect((await alone("public").schema("elsewhere").rpc("add_them")).error).toMatchObject({ code: "PGRST106" });
  });

  test("one request has a fetch of its own", async () => {
    const seen: (string | null)[] = [];
    const own: typeof fetch = (input, init) => {
      seen.push(new Headers(init?.headers).get("accept-profile"));
      return send(input, init);
    };
    const { data } = await alone("guild").from("members", { fetch: own }).select("id").filter("id", "eq", 1);
    expect([data, seen]).toEqual([ids(1), ["guild"]]);
  });

  test("what it reads of the schema, by itself and as supabase-js", async () => {
    for (const client of [alone("guild"), supabase]) {
      const { data, error } = await client.getOpenApiSpec();
      expect(error).toBeNull();
      expect(Object.keys(data!.paths)).toContain("/members");
    }
  });
});

// Last, when everything has been called.
test("no public method of the clients was left out", () => {
  expect(methods.all.length).toBeGreaterThan(60);
  expect(methods.all.filter((name) => !methods.used.has(name))).toEqual([]);
});
