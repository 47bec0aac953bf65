import type { Invoice } from "./invoices.ts";
import type { Product } from "./products.ts";
import type { Random } from "./random.ts";
import type { TaxRate } from "./tax-rates.ts";

export interface InvoiceItem {
  id: string;
  invoice_id: string;
  position: number;
  product_id: string | null;
  tax_rate_id: string | null;
  description: string;
  quantity: number;
  unit_price_cents: number;
  discount_basis_points: number;
  tax_basis_points: number;
  created_at: string;
  updated_at: string;
}

/** What can be sold, and the tax rates by id. */
export interface Catalogue {
  products: readonly Product[];
  taxRates: ReadonlyMap<string, TaxRate>;
}

/** What the database will compute for an item: its columns are generated, so they are not among the seed's. */
export interface Amounts {
  netCents: number;
  taxCents: number;
}

/** The formulas of `0007_invoice_items.sql`, in whole thousandths, so that a half cent rounds up here as it does there. */
export function amountsOf(item: InvoiceItem): Amounts {
  const thousandths = Math.round(item.quantity * 1000);
  const netCents = divideRounding(
    thousandths * item.unit_price_cents * (10_000 - item.discount_basis_points),
    10_000_000,
  );
  return { netCents, taxCents: divideRounding(netCents * item.tax_basis_points, 10_000) };
}

/** Exact for what is not negative and stays under 2^53. */
function divideRounding(dividend: number, divisor: number): number {
  const rest = dividend % divisor;
  return (dividend - rest) / divisor + (rest * 2 >= divisor ? 1 : 0);
}

export function makeItems(random: Random, invoice: Invoice, catalogue: Catalogue): InvoiceItem[] {
  // Somebody opened a draft and went to lunch.
  const isEmpty = invoice.status === "draft" && random.chance(0.1);
  const count = isEmpty ? 0 : random.pick([1, 2, 2, 3, 3, 3, 4, 4, 5, 6]);
  return Array.from({ length: count }, (_, index) => makeItem(random, invoice, index + 1, catalogue));
}

const FREE_TEXTS: readonly [string, ...string[]] = [
  "Travel, flat rate",
  "Packing & postage",
  'Small parts ("consumables")',
  "Déplacement",
];

function makeItem(random: Random, invoice: Invoice, position: number, { products, taxRates }: Catalogue): InvoiceItem {
  const product = random.chance(0.97) ? products[random.favourite(products.length)] : undefined;
  const taxRate = product === undefined ? undefined : taxRates.get(product.tax_rate_id);
  return {
    id: random.uuid(Date.parse(invoice.created_at)),
    invoice_id: invoice.id,
    position,
    product_id: product?.id ?? null,
    tax_rate_id: taxRate?.id ?? null,
    description: product?.name ?? random.pick(FREE_TEXTS),
    quantity: makeQuantity(random, product?.kind),
    unit_price_cents: product?.price_cents ?? random.integer(5, 150) * 100,
    discount_basis_points: random.chance(0.15) ? random.pick([250, 500, 1000, 1500]) : 0,
    tax_basis_points: taxRate?.basis_points ?? 0,
    created_at: invoice.created_at,
    updated_at: invoice.created_at,
  };
}

function makeQuantity(random: Random, kind: Product["kind"] | undefined): number {
  if (kind === "service") return random.integer(1, 64) / 4;
  if (kind === "subscription") return random.pick([1, 1, 3, 6, 12]);
  return kind === "goods" ? random.pick([1, 1, 1, 1, 2, 2, 3, 4, 5, 10, 24]) : 1;
}
