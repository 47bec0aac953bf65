import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerRest } from "../../src/rest/answer.ts";
import { restError } from "../../src/rest/errors.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { LIMITS, servedOf, SETTINGS } from "./fixture.ts";
import { readCatalog } from "./served.ts";

let db: TestDatabase;
let supabase: SupabaseClient;

/** The client's own fetch, led into the dialect without a network between. */
async function connect(): Promise<typeof fetch> {
  const catalog = await readCatalog(db);
  const scope = await db.scope("acme");
  return async (input, init = {}) => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input);
    const headers = Object.fromEntries(new Headers(init.headers));
    const request = {
      method: init.method ?? "GET",
      path: pathname.replace("/rest/v1/", "").split("/").map(decodeURIComponent),
      query: search.slice(1),
      headers,
      body: typeof init.body === "string" ? Buffer.from(init.body) : null,
    };
    const context = {
      served: servedOf(catalog),
      settings: SETTINGS,
      tenantId: scope.tenantId,
      limits: LIMITS,
      basePath: "/rest/v1",
      run: runScoped.bind(null, db.api, scope),
    };
    const answer = await answerRest(request, context).catch((error: unknown) => {
      const { status, headers: own, body } = restError(error);
      return { status, headers: own, body: JSON.stringify(body) };
    });
    const own = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
    return new Response(answer.status === 204 ? null : answer.body?.toString(), {
      status: answer.status,
      headers: own,
    });
  };
}

beforeAll(async () => {
  db = await testDatabase();
  supabase = createClient("http://acme.localhost", "key", {
    global: { fetch: await connect() },
    auth: { persistSession: false },
  });
});
afterAll(() => db.close());

const rate = (name: string) => ({ name, country: "NL", basis_points: 1000, valid_from_on: "2024-01-01" });
const from = (name: string) => supabase.from(name);

describe("supabase-js, as it comes", () => {
  test("select, filters, order, range, count", async () => {
    const { data, count, error } = await from("customers")
      .select("id,name,invoices(number)", { count: "exact" })
      .eq("kind", "company")
      .neq("name", "x")
      .gt("created_at", "2000-01-01")
      .not("name", "is", null)
      .in("country", ["NL", "DE", "AG", "US"])
      .or("is_active.eq.true,notes.is.null")
      .order("name", { ascending: false, nullsFirst: false })
      .range(0, 4);
    expect(error).toBeNull();
    expect(data!.length).toBeLessThanOrEqual(5);
    expect(count).toBeGreaterThanOrEqual(data!.length);
  });

  test("head, single, maybeSingle, csv", async () => {
    expect((await from("customers").select("*", { count: "exact", head: true })).count).toBeGreaterThan(0);
    expect((await from("customers").select("name").limit(1).single()).data).toEqual({ name: expect.any(String) });
    expect((await from("customers").select("name").limit(2).single()).error).toMatchObject({ code: "PGRST116" });
    expect(await from("customers").select().eq("name", "nobody").maybeSingle()).toMatchObject({
      data: null,
      error: null,
    });
    expect((await from("customers").select("name").limit(1).csv()).data).toMatch(/^name\n/);
  });

  test("the methods that filter", async () => {
    const base = () => from("products").select("sku").limit(3);
    for (const query of [
      base().like("name", "%a%"),
      base().ilike("name", "*A*"),
      base().likeAnyOf("name", ["A*", "B*"]),
      base().ilikeAllOf("name", ["%a%"]),
      base().contains("tags", ["new"]),
      base().containedBy("tags", ["new", "sale"]),
      base().overlaps("tags", ["new"]),
      base().contains("attributes", { colour: "red" }),
      base().textSearch("name", "anvil", { type: "websearch", config: "english" }),
      base().match({ kind: "goods", unit: "piece" }),
      base().filter("price_cents", "gte", 1),
      base()
        .gte("price_cents", 1)
        .lte("price_cents", 10 ** 9)
        .lt("price_cents", 10 ** 9),
      base().is("description", null),
      base().not("sku", "in", '("a","b")'),
    ]) {
      expect((await query).error).toBeNull();
    }
  });

  test("insert, upsert, update, delete", async () => {
    expect(await from("tax_rates").insert(rate("js 1"))).toMatchObject({
      error: null,
      status: 201,
      data: null,
    });
    const many = await from("tax_rates")
      .insert([rate("js 2"), { ...rate("js 3"), is_default: false }], { defaultToNull: false })
      .select("name");
    expect(many.data).toEqual([{ name: "js 2" }, { name: "js 3" }]);
    const upserted = await from("tax_rates")
      .upsert({ ...rate("js 1"), country: "DE" }, { onConflict: "name" })
      .select("country")
      .single();
    expect(upserted.data).toEqual({ country: "DE" });
    expect(
      (
        await from("tax_rates")
          .upsert([rate("js 1")], { onConflict: "name", ignoreDuplicates: true })
          .select()
      ).data,
    ).toEqual([]);
    const updated = await from("tax_rates").update({ basis_points: 5 }, { count: "exact" }).like("name", "js%");
    expect(updated).toMatchObject({ error: null, status: 204, count: 3 });
    expect((await from("tax_rates").delete().like("name", "js%").select("name")).data).toHaveLength(3);
    expect((await from("tax_rates").insert({ ...rate("x"), nosuch: 1 })).error).toMatchObject({
      code: "PGRST204",
    });
  });

  test("embeds that are filtered, sorted and limited by their own name", async () => {
    const { data, error } = await from("invoices")
      .select("number,customers!inner(name),lines:invoice_items(position,products(name))")
      .ilike("customers.name", "%a%")
      .order("position", { referencedTable: "lines" })
      .limit(2, { referencedTable: "lines" })
      .limit(3);
    expect(error).toBeNull();
    expect(data).toHaveLength(3);
  });
});
