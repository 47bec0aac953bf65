import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adoptedGuild, type AdoptedGuild } from "../rest/guild/adopted.ts";
import { dataProvider, type Provider } from "./react-admin.ts";

let guild: AdoptedGuild;
let admin: Provider;

/** As an application says which column is the key where it is not `id`. */
const KEYS = new Map([
  ["crafts", ["code"]],
  ["rooms", ["hall_id", "number"]],
  ["member_crafts", ["member_id", "craft_code"]],
]);

beforeAll(async () => {
  guild = await adoptedGuild();
  admin = dataProvider(guild.server, guild.token, { primaryKeys: KEYS });
}, 240_000);
afterAll(() => guild.close());

interface Row {
  readonly id: unknown;
  readonly [column: string]: unknown;
}
const rowsOf = ({ data }: { data: unknown }) => data as Row[];
const idsOf = (answer: { data: unknown }) => rowsOf(answer).map(({ id }) => id);
/** Where the provider asks for no order. */
const sorted = ({ data }: { data: unknown }) => (data as string[]).toSorted();
const sortedIds = (answer: { data: unknown }) => sorted({ data: idsOf(answer) });
const page = (filter: object, more: object = {}) => ({
  pagination: { page: 1, perPage: 10 },
  sort: { field: "id", order: "ASC" },
  filter,
  ...more,
});
const members = (filter: object) => admin.getList("members", page(filter));
const HALL = "00000000-0000-4000-8000-000000000001";
const OTHER_HALL = "00000000-0000-4000-8000-000000000002";

describe("every operator that the provider's filters know", () => {
  test.each([
    [{ id: 2 }, [2]],
    [{ "id@eq": 2 }, [2]],
    [{ "id@neq": 2 }, [1, 3, 4, 5, 6]],
    [{ "id@gt": 4 }, [5, 6]],
    [{ "id@gte": 5 }, [5, 6]],
    [{ "id@lt": 2 }, [1]],
    [{ "id@lte": 2 }, [1, 2]],
    [{ "first_name@like": "e" }, [4]],
    [{ "first_name@ilike": "E" }, [4, 5]],
    // Word by word, as `first_name[0]=…&first_name[1]=…`.
    [{ "first_name@ilike": "A Y" }, [6]],
    [{ "first_name@like": "e D ee" }, [4]],
    [{ "email@match": "^[ab]" }, [1, 2]],
    [{ "email@imatch": "^[AB]" }, [1, 2]],
    [{ "id@in": "(1,3)" }, [1, 3]],
    [{ "sponsor_id@is": "null" }, [1]],
    [{ "skills@cs": "{forging}" }, [2, 3]],
    [{ "skills@cd": "{forging,polishing}" }, [2, 3, 4]],
    [{ "skills@ov": "{forging,blowing}" }, [2, 3, 6]],
    [{ "id@not": "in.(1,2,3)" }, [4, 5, 6]],
    [{ "@or": { "id@eq": 1, "rank@eq": "master" } }, [1, 2, 6]],
    [{ "@and": { "rank@eq": "master", "id@gt": 2 } }, [6]],
    [{ "profile->shoe->>size": 44 }, [2]],
    [{ "rank@eq": "master", "id@lt": 3 }, [2]],
  ])("%j", async (filter, ids) => {
    expect(idsOf(await members(filter))).toEqual(ids);
  });

  test.each([
    [{ "english@fts": "impossible" }, [1]],
    [{ "english@plfts(english)": "kind fun" }, [1]],
    [{ "english@phfts(english)": "kind of fun" }, [1]],
    [{ "english@wfts(english)": "fun -kind" }, [2]],
  ])("%j", async (filter, ids) => {
    expect(idsOf(await admin.getList("texts", page(filter)))).toEqual(ids);
  });

  test.each([
    [{ "ints@sr": "[5,6]" }, [2]],
    [{ "ints@nxl": "[2,3]" }, [2]],
    [{ "ints@sl": "[15,20]" }, [1, 3]],
    [{ "ints@nxr": "[1,9]" }, [1, 3]],
    [{ "ints@adj": "[20,25)" }, [2]],
  ])("%j", async (filter, ids) => {
    expect(idsOf(await admin.getList("ranges", page(filter)))).toEqual(ids);
  });

  test("a default operator of the application's", async () => {
    const searching = dataProvider(guild.server, guild.token, { defaultListOp: "ilike" });
    expect(idsOf(await searching.getList("members", page({ first_name: "E" })))).toEqual([4, 5]);
  });
});

describe("lists", () => {
  test("of some columns, with embeds, in the page and order asked for", async () => {
    const answer = await admin.getList("members", {
      pagination: { page: 2, perPage: 2 },
      sort: { field: "sponsor_id", order: "DESC" },
      filter: { "id@lt": 6 },
      meta: { columns: ["id", "sponsor_id"], embed: ["halls"], nullslast: true },
    });
    expect(answer.total).toBe(5);
    const [, last] = rowsOf(answer);
    expect(last).toMatchObject({ id: 2, sponsor_id: 1, halls: { name: "Old Hall" } });
  });

  test("prefetch what belongs to the rows, and keep it apart", async () => {
    const answer = await admin.getList("members", page({ "id@lte": 2 }, { meta: { prefetch: ["halls"] } }));
    expect(rowsOf(answer)[0]).not.toHaveProperty("halls");
    expect(answer.meta?.prefetched["halls"]).toEqual([expect.objectContaining({ id: HALL })]);
  });

  test("of another order of nulls, and of a schema that is named", async () => {
    const own = dataProvider(guild.server, guild.token, { sortOrder: "asc.nullsfirst,desc", schema: () => "guild" });
    const sort = { field: "sponsor_id", order: "ASC" };
    expect(idsOf(await own.getList("members", page({ "id@lte": 2 }, { sort })))).toEqual([1, 2]);
    const elsewhere = admin.getList("members", page({}, { meta: { schema: "elsewhere" } }));
    await expect(elsewhere).rejects.toMatchObject({ status: 406 });
  });

  test("of what a function gives", async () => {
    const answer = await admin.getList("rpc/list_members", page({ "rank@eq": "master" }));
    expect([idsOf(answer), answer.total]).toEqual([[2, 6], 2]);
    const given = await admin.getList("rpc/by_ranks", page({ "ranks@": "{warden,journeyman}" }));
    expect(idsOf(given)).toEqual([1, 3]);
  });
});

describe("a key of another name", () => {
  test("is the id of its rows, in every method", async () => {
    const made = await admin.create("crafts", { data: { code: "ra-1", name: "One" } });
    expect(made.data).toMatchObject({ id: "ra-1", code: "ra-1" });
    await admin.create("crafts", { data: { code: "ra-2", name: "Two" } });
    const one = (await admin.getOne("crafts", { id: "ra-1" })).data as Row;
    expect(one).toMatchObject({ id: "ra-1", name: "One" });
    const changed = await admin.update("crafts", { id: "ra-1", data: { ...one, name: "Uno" }, previousData: one });
    expect(changed.data).toMatchObject({ id: "ra-1", name: "Uno" });
    const ids = ["ra-1", "ra-2"];
    expect(sortedIds(await admin.getMany("crafts", { ids }))).toEqual(ids);
    expect(sorted(await admin.updateMany("crafts", { ids, data: { is_messy: true } }))).toEqual(ids);
    expect((await admin.delete("crafts", { id: "ra-1", previousData: one })).data).toMatchObject({ id: "ra-1" });
    expect((await admin.deleteMany("crafts", { ids: ["ra-2"] })).data).toEqual(["ra-2"]);
    const left = await admin.getList("crafts", page({ "code@like": "ra-" }, { sort: { field: "id", order: "DESC" } }));
    expect([left.data, left.total]).toEqual([[], 0]);
  });
});

describe("a key of several columns", () => {
  const id = (hall: string, number: number) => JSON.stringify([hall, number]);

  test("looks as it did before there were tenants: listed, read, and by what it belongs to", async () => {
    const all = [id(HALL, 1), id(HALL, 2), id(OTHER_HALL, 1)];
    expect(idsOf(await admin.getList("rooms", page({})))).toEqual(all);
    const one = await admin.getOne("rooms", { id: id(HALL, 1), meta: { embed: ["halls"] } });
    expect(one.data).toMatchObject({ id: id(HALL, 1), name: "Great Room", halls: { city: "Delft" } });
    expect(sortedIds(await admin.getMany("rooms", { ids: all }))).toEqual(all);
    const related = await admin.getManyReference("member_crafts", { ...page({}), target: "member_id", id: 1 });
    expect(sortedIds(related)).toEqual(['[1,"ink"]', '[1,"wood"]']);
    expect(related.total).toBe(2);
  });

  test("is written by: one and several rows, created, changed and removed", async () => {
    const room = (number: number) => ({ hall_id: OTHER_HALL, number, name: `Room ${number}`, seats: 4 });
    const ids = [id(OTHER_HALL, 81), id(OTHER_HALL, 82)];
    expect((await admin.create("rooms", { data: room(81) })).data).toMatchObject({ id: ids[0] });
    await admin.create("rooms", { data: room(82) });
    const previousData = { ...room(81), id: ids[0] };
    const update = { id: ids[0], data: { ...previousData, seats: 5 }, previousData };
    expect((await admin.update("rooms", update)).data).toMatchObject({ id: ids[0], seats: 5 });
    expect(sorted(await admin.updateMany("rooms", { ids, data: { seats: 6 } }))).toEqual(ids);
    expect((await admin.delete("rooms", { id: ids[0] })).data).toMatchObject({ id: ids[0], seats: 6 });
    expect((await admin.deleteMany("rooms", { ids })).data).toEqual([ids[1]]);
    expect((await admin.getMany("rooms", { ids })).data).toEqual([]);
  });
});
