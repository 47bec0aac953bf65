import { describe, expect, test } from "vitest";
import { RowhouseError } from "../../src/errors.ts";
import { restError } from "../../src/rest/errors.ts";
import { withoutTenant } from "../../src/rest/sanitize.ts";
import { statusOf } from "../../src/rest/sqlstate.ts";
import { refusal } from "./fixture.ts";

/** As `pg` throws it. */
function raised(code: string, message = "no", rest: object = {}): Error {
  return Object.assign(new Error(message), { severity: "ERROR", code, ...rest });
}

const STATES: readonly (readonly [sqlstate: string, status: number])[] = [
  ["08006", 503],
  ["09000", 500],
  ["0L000", 403],
  ["0P000", 403],
  ["21000", 500],
  ["22023", 400],
  ["22P02", 400],
  ["23502", 400],
  ["23503", 409],
  ["23505", 409],
  ["23514", 400],
  ["25006", 405],
  ["25P02", 500],
  ["28000", 403],
  ["2D000", 500],
  ["38000", 500],
  ["39000", 500],
  ["3B000", 500],
  ["40001", 500],
  ["42501", 403],
  ["42703", 400],
  ["42883", 404],
  ["42P01", 404],
  ["42P17", 500],
  ["53300", 503],
  ["53400", 500],
  ["54001", 500],
  ["55000", 500],
  ["57014", 500],
  ["57P01", 503],
  ["58030", 500],
  ["F0000", 500],
  ["HV000", 500],
  ["P0001", 400],
  ["P0002", 500],
  ["XX000", 500],
  ["PT402", 402],
  ["PT999", 500],
  ["PTabc", 500],
  ["PT204", 204],
];

describe("SQLSTATE to status", () => {
  test.each(STATES)("%s is %i", (sqlstate, status) => {
    expect(statusOf(sqlstate)).toBe(status);
    expect(restError(raised(sqlstate))).toMatchObject({ status, body: { code: sqlstate, message: "no" } });
  });
});

describe("an error's answer", () => {
  test("a refusal is itself", () => {
    const { status, headers, body } = restError(
      new RowhouseError("tableUnknown", { message: "m", details: "d", hint: "h" }),
    );
    expect([status, body]).toEqual([404, { code: "PGRST205", message: "m", details: "d", hint: "h" }]);
    expect(headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      "proxy-status": "PostgREST; error=PGRST205",
    });
  });

  test("our own faults tell nothing", () => {
    expect(restError(new TypeError("secret")).body).toEqual({
      code: "RH900",
      message: "Rowhouse failed",
      details: null,
      hint: null,
    });
    expect(restError("secret").status).toBe(500);
    const sealed = restError(
      new RowhouseError("sealInvalid", { message: "secret", details: "secret", hint: "ROWHOUSE_SECRET" }),
    );
    expect(JSON.stringify(sealed)).not.toMatch(/secret/i);
    expect(restError(new RowhouseError("busy", { hint: "raise it" }))).toMatchObject({
      status: 503,
      headers: { "retry-after": "1" },
      body: { code: "RH305", hint: null },
    });
  });

  test("a deadlock does not tell of the server's processes and transactions", () => {
    const detail = "Process 2 waits for ShareLock on transaction 841; blocked by process 1.";
    expect(restError(raised("40P01", "deadlock detected", { detail }))).toMatchObject({
      status: 500,
      body: { code: "40P01", message: "deadlock detected", details: null },
    });
  });

  test("what generated SQL refuses has PostgREST's code", () => {
    expect(restError(raised("RH116", "m", { detail: "The result contains 2 rows" }))).toMatchObject({
      status: 406,
      body: { code: "PGRST116", details: "The result contains 2 rows" },
    });
    expect(restError(raised("RH124"))).toMatchObject({ status: 400, body: { code: "PGRST124" } });
  });

  test("a missing context is our fault, a missing right is not", () => {
    expect(
      restError(
        raised("42501", "A statement ran without a tenant's context", { hint: "Run it after platform.enter()" }),
      ),
    ).toMatchObject({ status: 500, body: { code: "RH300", hint: null } });
    expect(restError(raised("42501", "permission denied for table x"))).toMatchObject({
      status: 403,
      body: { code: "42501" },
    });
  });

  test("an ambiguous embed lists the ways", async () => {
    const catalog = (await import("./fixture.ts")).CATALOG;
    const second = {
      name: "invoices_billing_fkey",
      from: "invoices",
      columns: ["billing_id"],
      to: "customers",
      referenced: ["id"],
      oneToOne: false,
    };
    const error = await refusal("/invoices?select=customers(name)", {
      catalog: { ...catalog, foreignKeys: [...catalog.foreignKeys, second] },
    });
    expect(restError(error)).toMatchObject({
      status: 300,
      body: {
        code: "PGRST201",
        message: "Could not embed because more than one relationship was found for 'invoices' and 'customers'",
        hint: "Try changing 'customers' to one of the following: 'customers!invoices_billing_fkey', 'customers!invoices_customer_fkey'. Find the desired relationship in the 'details' key.",
        details: [
          {
            cardinality: "many-to-one",
            embedding: "invoices with customers",
            relationship: "invoices_billing_fkey using invoices(billing_id) and customers(id)",
          },
          {
            cardinality: "many-to-one",
            embedding: "invoices with customers",
            relationship: "invoices_customer_fkey using invoices(customer_id) and customers(id)",
          },
        ],
      },
    });
  });
});

describe("tenant_id in messages", () => {
  test.each([
    [
      "Key (tenant_id, number)=(0b8f3c1e-0000-4000-8000-000000000001, C-1) already exists.",
      "Key (number)=(C-1) already exists.",
    ],
    [
      'violates unique constraint "customers_tenant_id_number_key"',
      'violates unique constraint "customers_number_key"',
    ],
    ['violates foreign key constraint "a_b_tenant_id_fkey"', 'violates foreign key constraint "a_b_fkey"'],
    ['null value in column "tenant_id" of relation "x"', 'null value in column the tenant of relation "x"'],
    ["plain", "plain"],
  ])("%s", (given, shown) => expect(withoutTenant(given)).toBe(shown));
});
