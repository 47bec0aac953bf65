import { describe, expect, test } from "vitest";
import { ask } from "./fixture.ts";

const WRITES: readonly (readonly [method: string, url: string, prefer: string, body: unknown, text: string])[] = [
  [
    "POST",
    "/labels",
    "",
    { word: "a" },
    `insert into "app"."labels" as t0 ("word") select r."word" from json_to_recordset($1::json) as r("word" text)`,
  ],
  ["POST", "/labels", "", {}, `insert into "app"."labels" as t0 select from json_array_elements($1::json)`],
  [
    "POST",
    "/labels",
    "resolution=ignore-duplicates",
    { id: 1 },
    `insert into "app"."labels" as t0 ("id") select r."id" from json_to_recordset($1::json) as r("id" uuid) on conflict (tenant_id, "id") do nothing`,
  ],
  [
    "POST",
    "/labels?on_conflict=word&select=word",
    "resolution=merge-duplicates,return=representation",
    { id: 1, word: "a" },
    `with written as (insert into "app"."labels" as t0 ("id", "word") select r."id", r."word" from json_to_recordset($1::json) as r("id" uuid, "word" text) on conflict (tenant_id, "word") do update set "id" = excluded."id", "word" = excluded."word" returning t0."word", t0.xmax = 0 as "rowhouse is new") select count(*), coalesce(json_agg(t.*)::text, '[]'), null, (select count(*) from written where "rowhouse is new"), case when count(*) > 1000 then platform.refuse('RH112', 'The request changes more rows than one answer can show', 'Ask for return=minimal to change as many.') end from (select t1."word" as "word" from written t1) t`,
  ],
  [
    "POST",
    "/labels?columns=id,word",
    "missing=default",
    [{ word: "a" }],
    `insert into "app"."labels" as t0 ("id", "word") select r."id", r."word" from (select case when j.element ? 'id' then v."id" else j.c0 end as "id", v."word" as "word" from (select j.element, gen_random_uuid() as c0 from jsonb_array_elements($1::jsonb) as j(element)) as j cross join lateral jsonb_to_record(j.element) as v("id" uuid, "word" text)) as r`,
  ],
  [
    "PATCH",
    "/labels?id=eq.1",
    "",
    { word: "b" },
    `update "app"."labels" t0 set "word" = r."word" from (select * from json_to_recordset($2::json) as r("word" text) limit 1) as r where t0.tenant_id = $1 and t0."id" = $3`,
  ],
  [
    "PATCH",
    "/labels",
    "return=representation",
    {},
    `with written as (select t0.* from "app"."labels" t0 where false) select count(*), coalesce(json_agg(t.*)::text, '[]'), null, null, case when count(*) > 1000 then platform.refuse('RH112', 'The request changes more rows than one answer can show', 'Ask for return=minimal to change as many.') end from (select "id", "word" from written t1) t`,
  ],
  [
    "PUT",
    "/labels?id=eq.1",
    "",
    { word: "a", id: 1 },
    `with written as (insert into "app"."labels" as t0 ("id", "word") select r."id", r."word" from json_to_recordset($1::json) as r("id" uuid, "word" text) where r."id" = $2 on conflict (tenant_id, "id") do update set "id" = excluded."id", "word" = excluded."word" returning 1) select count(*), null, null, null, case when count(*) <> 1 then platform.refuse('RH115', 'Payload values do not match URL in primary key column(s)', '') end from written t`,
  ],
  [
    "POST",
    "/labels",
    "return=headers-only",
    { word: "a" },
    `with written as (insert into "app"."labels" as t0 ("word") select r."word" from json_to_recordset($1::json) as r("word" text) returning t0."id") select count(*), null, (select json_build_array(to_json(w."id") #>> '{}')::text from written w where (select count(*) from written) = 1), null from written t`,
  ],
  [
    "DELETE",
    "/labels?id=eq.1",
    "handling=strict,max-affected=5",
    undefined,
    `with written as (delete from "app"."labels" t0 where t0.tenant_id = $1 and t0."id" = $2 returning 1) select count(*), null, null, null, case when (select count(*) from written) > $3::bigint then platform.refuse('RH124', 'Query result exceeds max-affected preference constraint', 'The query affects ' || (select count(*) from written) || ' rows') end from written t`,
  ],
  [
    "DELETE",
    "/labels?word=eq.x",
    "",
    undefined,
    `delete from "app"."labels" t0 where t0.tenant_id = $1 and t0."word" = $2`,
  ],
];

describe("writes", () => {
  test.each(WRITES)("%s %s %s %j", async (method, url, prefer, body, text) => {
    const { statement, access } = await ask(url, { method, body, headers: { prefer } });
    expect(access).toBe("write");
    // Values are numbered as they are met; which number it is does not matter.
    expect(statement.text.replaceAll(/\$\d/g, "$")).toBe(text.replaceAll(/\$\d/g, "$"));
  });

  test("tenant_id is never among the columns written", async () => {
    for (const [method, url, prefer, body] of WRITES) {
      const { statement } = await ask(url, { method, body, headers: { prefer } });
      expect(statement.text).not.toMatch(/insert into "app"."labels" \([^)]*tenant_id/);
      expect(statement.text).not.toMatch(/set [^=]*tenant_id/);
    }
  });
});
