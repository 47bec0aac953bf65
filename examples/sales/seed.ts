/**
 * The sales example's data: made up, plausible, and the same for the same slug and scale on every machine.
 * No row names its tenant; whoever inserts them does so in that tenant's context, which is what says whose they are.
 */
import { batches, type SeedBatch } from "./seed/batch.ts";
import { makeCustomers } from "./seed/customers.ts";
import { makeExpenses } from "./seed/expenses.ts";
import { makeInvoices } from "./seed/invoices.ts";
import { makeLocations } from "./seed/locations.ts";
import { makeProducts } from "./seed/products.ts";
import { makeTaxRates } from "./seed/tax-rates.ts";

export { BATCH_ROWS, type SeedBatch, type SeedValue } from "./seed/batch.ts";

export interface DemoTenant {
  slug: string;
  name: string;
  /** Acme is ten times the others: a plan that only works for the small ones shows here. */
  scale: number;
  /** Brand colour, as CSS writes it; white text is legible on it. */
  color: string;
}

export const DEMO_TENANTS: readonly DemoTenant[] = [
  { slug: "acme", name: "Acme Corp", scale: 10, color: "#b3261e" },
  { slug: "globex", name: "Globex", scale: 1, color: "#00695c" },
  { slug: "initech", name: "Initech", scale: 1, color: "#3949ab" },
];

/** Rows of a tenant at scale 1; items follow from invoices, about 3.3 each, and tax rates stay five. */
const ROWS = { locations: 8, customers: 300, products: 120, invoices: 1200, expenses: 800 } as const;

/** A tenant's rows, table by table, each after those that it refers to. Generated columns are left to the database. */
export function* generate(slug: string, scale: number): Generator<SeedBatch> {
  if (!(scale > 0 && scale <= 100))
    throw new RangeError(`The scale of ${slug} is ${scale}; it must be above 0, and 100 at most`);
  const count = (table: keyof typeof ROWS): number => Math.max(1, Math.round(ROWS[table] * scale));

  const taxRates = makeTaxRates(slug);
  yield* batches("tax_rates", taxRates);
  const locations = makeLocations(slug, count("locations"));
  yield* batches("locations", locations);
  const customers = makeCustomers(slug, count("customers"));
  yield* batches("customers", customers);
  const products = makeProducts(slug, count("products"), taxRates);
  yield* batches("products", products);

  const parties = { customers, locations };
  const catalogue = { products, taxRates: new Map(taxRates.map((taxRate) => [taxRate.id, taxRate])) };
  const { invoices, items } = makeInvoices(slug, count("invoices"), parties, catalogue);
  // Not in turns: PostgreSQL keeps the plan of a foreign key's check from its first row on, and against a table of a
  // few pages that is a sequential scan. Acme's items took 15 s against invoices that grew between them.
  yield* batches("invoices", invoices);
  yield* batches("invoice_items", items);
  yield* batches("expenses", makeExpenses(slug, count("expenses"), parties, taxRates));
}
