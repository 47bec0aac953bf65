import { expect, test } from "vitest";
import { ERRORS, RowhouseError, errorKind } from "../src/errors.ts";
import { SettingsError, readConfig } from "../src/config.ts";
import { stalePages } from "../scripts/reference.ts";

test("docs/reference says what the code says", () => {
  expect(stalePages()).toEqual([]);
});

test("error codes are unique and well-formed, and lead back to their row", () => {
  const codes = Object.values(ERRORS).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  expect(codes.filter((code) => !/^(RH[1-79]\d\d|PGRST[1-3]\d\d)$/.test(code))).toEqual([]);
  for (const [kind, { code }] of Object.entries(ERRORS)) expect(errorKind(code)).toBe(kind);
});

test("an error copies its row and keeps what it was told", () => {
  const error = new RowhouseError("tenantUnknown", { details: "x", hint: "y" });
  expect(error).toMatchObject({
    code: "RH102",
    status: 404,
    exit: 4,
    message: "There is no such tenant",
    details: "x",
    hint: "y",
  });
});

test("a bad setting is named and its value is not shown", () => {
  expect(() => readConfig({}, { PORT: "eighty", DATABASE_URL: "mysql://root:hunter2@x" })).toThrow(SettingsError);
  expect(() => readConfig({}, { PORT: "eighty", DATABASE_URL: "mysql://root:hunter2@x" })).toThrow(
    /DATABASE_URL.*PORT/,
  );
  expect(() => readConfig({}, { DATABASE_URL: "mysql://root:hunter2@x" })).not.toThrow(/hunter2/);
});

test("settings have defaults, and overrides win over the environment", () => {
  expect(readConfig({}, {})).toMatchObject({ PORT: 3000, BASE_DOMAIN: "localhost", TRUSTED_PROXIES: [] });
  expect(readConfig({ PORT: "4000" }, { PORT: "3001", TRUSTED_PROXIES: "10.0.0.0/8, 127.0.0.1" })).toMatchObject({
    PORT: 4000,
    TRUSTED_PROXIES: ["10.0.0.0/8", "127.0.0.1"],
  });
  expect(readConfig({ PORT: "4000" }, {}).publicUrl.href).toBe("http://localhost:4000/");
});
