import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { plainGuild, type Side } from "./guild/plain.ts";
import { describeRequest, readRequests } from "./guild/requests.ts";

const requests = (await readRequests()).filter(({ expected }) => expected !== null);
const files = [...new Set(requests.map(({ file }) => file))];

let guild: Side;
beforeAll(async () => {
  guild = await plainGuild();
});
afterAll(() => guild.close());

/** JSON as what it says, anything else as it reads. */
function read(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return text;
  }
}

test("a good part of the corpus has its answer written down", () => {
  expect(requests.length).toBeGreaterThan(700);
  expect(requests.filter(({ expected }) => expected?.body !== null).length).toBeGreaterThan(400);
});

describe.each(files)("%s", (file) => {
  test("is answered as PostgREST documents it", async () => {
    for (const each of requests.filter((request) => request.file === file)) {
      const { status, text } = await guild.ask(each);
      const name = describeRequest(each);
      const wanted = each.expected?.body ?? null;
      expect({ name, status, body: wanted === null ? null : read(text) }).toEqual({
        name,
        status: each.expected?.status,
        body: read(wanted),
      });
    }
  });
});
