import type { SeedValue } from "./batch.ts";
import { dateOn, documentDay, momentOn, timestamp, TODAY_MS } from "./calendar.ts";
import type { Parties } from "./invoices.ts";
import { profileOf } from "./profiles.ts";
import { Random } from "./random.ts";
import type { TaxRate } from "./tax-rates.ts";

type Category = "travel" | "meals" | "office" | "software" | "rent" | "marketing" | "utilities" | "equipment";

export interface Expense {
  id: string;
  location_id: string | null;
  customer_id: string | null;
  tax_rate_id: string | null;
  category: Category;
  vendor: string;
  description: string | null;
  status: "submitted" | "approved" | "reimbursed" | "rejected";
  spent_on: string;
  currency: string;
  amount_cents: number;
  tax_cents: number;
  is_billable: boolean;
  receipt: SeedValue;
  approved_at: string | null;
  created_at: string;
  updated_at: string;
}

interface CategoryFacts {
  category: Category;
  vendors: readonly [string, ...string[]];
  descriptions: readonly [string, ...string[]];
  /** Least and most of one expense, in whole units of the currency. */
  range: readonly [number, number];
}

const CATEGORIES: readonly [CategoryFacts, ...CategoryFacts[]] = [
  {
    category: "travel",
    vendors: ["Deutsche Bahn", "NS Reizigers", "Oceanic Airlines", "Yellow Cab", "Hôtel de la Gare"],
    descriptions: ["To the fair & back", "Visit to a customer", "Zürich → Kraków, one way"],
    range: [9, 900],
  },
  {
    category: "meals",
    vendors: ["Chotchkie's", "Los Pollos Hermanos", "Café Noël", "山猫軒", "Krusty Burger"],
    descriptions: ["Lunch with the customer", "Überstunden-Pizza 🍕", "Cake; it was Milton's birthday"],
    range: [6, 180],
  },
  {
    category: "office",
    vendors: ["Dunder Mifflin", "Staples & Co", "Wernham Hogg"],
    descriptions: ["Toner, 2× black", "Paper, A4", 'Line marked "misc."'],
    range: [4, 250],
  },
  {
    category: "software",
    vendors: ["Initrode", "Pied Piper", "Hooli", "C:\\DOS Revival"],
    descriptions: ["Five seats", "Renewal", "Per-core licence (don't ask)"],
    range: [10, 600],
  },
  {
    category: "rent",
    vendors: ["Monarch Realty", "Bluth Homes"],
    descriptions: ["Monthly, as always"],
    range: [800, 4200],
  },
  {
    category: "marketing",
    vendors: ["Sterling Cooper", 'Agency "X"', "Duff Sponsorship"],
    descriptions: ["Autumn campaign", "Stand at the fair", "Blimp, half a day"],
    range: [50, 5000],
  },
  {
    category: "utilities",
    vendors: ["Vattenfall", "Springfield Nuclear", "City Water Works"],
    descriptions: ["Electricity", "Water", "Heating, after reading the meter"],
    range: [30, 700],
  },
  {
    category: "equipment",
    vendors: ["Stark Industries", "Wayne Tools", "Forge & Söhne"],
    descriptions: ["Replacement for the broken one", "Drill, ½″ chuck", "Ladder"],
    range: [40, 3000],
  },
];

export function makeExpenses(
  slug: string,
  count: number,
  parties: Parties,
  taxRates: readonly [TaxRate, ...TaxRate[]],
): Expense[] {
  const random = new Random(`${slug}/expenses`);
  const currency = profileOf(slug).currency;
  return Array.from({ length: count }, (_, index) =>
    makeExpense(random, documentDay(index, count, random), currency, parties, taxRates),
  );
}

function makeExpense(
  random: Random,
  day: number,
  currency: string,
  { customers, locations }: Parties,
  taxRates: readonly [TaxRate, ...TaxRate[]],
): Expense {
  const created = momentOn(day, random);
  const { category, vendors, descriptions, range } = CATEGORIES[random.favourite(CATEGORIES.length)]!;
  const amount = random.integer(range[0] * 100, range[1] * 100);
  const taxRate = random.chance(0.85) ? random.pick(taxRates) : undefined;
  const isBillable = random.chance(0.15);
  const review = makeReview(random, day, created);
  return {
    id: random.uuid(created),
    location_id: random.chance(0.9) ? locations[random.favourite(locations.length)]!.id : null,
    customer_id: isBillable ? customers[random.favourite(Math.ceil(customers.length / 3))]!.id : null,
    tax_rate_id: taxRate?.id ?? null,
    category,
    vendor: random.pick(vendors),
    description: random.chance(0.6) ? random.pick(descriptions) : null,
    status: review.status,
    spent_on: dateOn(day),
    currency,
    amount_cents: amount,
    tax_cents: taxRate === undefined ? 0 : taxWithin(amount, taxRate.basis_points),
    is_billable: isBillable,
    receipt: random.chance(0.8) ? makeReceipt(random) : null,
    approved_at: review.approved === null ? null : timestamp(review.approved),
    created_at: timestamp(created),
    updated_at: timestamp(review.approved ?? created),
  };
}

function taxWithin(amountCents: number, basisPoints: number): number {
  return Math.floor((amountCents * basisPoints) / (10_000 + basisPoints));
}

/** Looked at within ten days or not yet; paid back a month later. */
function makeReview(
  random: Random,
  day: number,
  created: number,
): { status: Expense["status"]; approved: number | null } {
  if (random.chance(0.04)) return { status: "rejected", approved: null };
  const approved = Math.max(created, momentOn(day + random.integer(0, 10), random));
  if (approved >= TODAY_MS) return { status: "submitted", approved: null };
  return { status: day < -40 ? "reimbursed" : "approved", approved };
}

function makeReceipt(random: Random): SeedValue {
  const isScan = random.chance(0.7);
  return {
    file: `receipt-${random.integer(1, 99_999)}.${isScan ? "pdf" : "jpg"}`,
    media_type: isScan ? "application/pdf" : "image/jpeg",
    bytes: random.integer(20_000, 4_000_000),
  };
}
