import { dateOn, documentDay, momentOn, timestamp } from "./calendar.ts";
import { arrivalDay, type Customer } from "./customers.ts";
import { amountsOf, makeItems, type Catalogue, type InvoiceItem } from "./invoice-items.ts";
import type { Location } from "./locations.ts";
import { profileOf } from "./profiles.ts";
import { Random } from "./random.ts";

export interface Invoice {
  id: string;
  number: string | null;
  customer_id: string;
  location_id: string | null;
  status: "draft" | "sent" | "paid" | "overdue" | "void";
  currency: string;
  issued_on: string | null;
  due_on: string | null;
  paid_on: string | null;
  net_cents: number;
  tax_cents: number;
  reference: string | null;
  notes: string | null;
  created_at: string;
  updated_at: string;
}

export interface Parties {
  customers: readonly Customer[];
  locations: readonly Location[];
}

/** Invoices in the order of their numbers, and all their lines. */
export function makeInvoices(
  slug: string,
  count: number,
  parties: Parties,
  catalogue: Catalogue,
): { invoices: Invoice[]; items: InvoiceItem[] } {
  const random = new Random(`${slug}/invoices`);
  const numbers = new Map<string, number>();
  const currency = profileOf(slug).currency;
  const invoices: Invoice[] = [];
  const items: InvoiceItem[] = [];
  for (let index = 0; index < count; index++) {
    const day = documentDay(index, count, random);
    const invoice = makeInvoice(random, day, currency, pickParties(random, day, parties));
    if (invoice.issued_on !== null) invoice.number = nextNumber(numbers, invoice.issued_on.slice(0, 4));
    for (const item of makeItems(random, invoice, catalogue)) {
      const { netCents, taxCents } = amountsOf(item);
      invoice.net_cents += netCents;
      invoice.tax_cents += taxCents;
      items.push(item);
    }
    invoices.push(invoice);
  }
  return { invoices, items };
}

function nextNumber(numbers: Map<string, number>, year: string): string {
  const next = (numbers.get(year) ?? 0) + 1;
  numbers.set(year, next);
  return `${year}-${String(next).padStart(5, "0")}`;
}

/** A customer who had come by that day, and mostly a location. */
function pickParties(random: Random, day: number, { customers, locations }: Parties): [Customer, Location | undefined] {
  let index = random.favourite(customers.length);
  while (arrivalDay(index, customers.length) > day) index = random.favourite(customers.length);
  return [customers[index]!, random.chance(0.92) ? locations[random.favourite(locations.length)] : undefined];
}

function makeInvoice(
  random: Random,
  day: number,
  currency: string,
  [customer, location]: [Customer, Location | undefined],
): Invoice {
  const created = momentOn(day, random);
  const dates = makeDates(random, day);
  const updated = dates.paidDay === null ? created : Math.max(created, momentOn(dates.paidDay, random));
  const isDraft = dates.status === "draft";
  return {
    id: random.uuid(created),
    number: null,
    customer_id: customer.id,
    location_id: location?.id ?? null,
    status: dates.status,
    currency,
    issued_on: isDraft ? null : dateOn(day),
    due_on: isDraft ? null : dateOn(dates.dueDay),
    paid_on: dates.paidDay === null ? null : dateOn(dates.paidDay),
    net_cents: 0,
    tax_cents: 0,
    reference: random.chance(0.45)
      ? `PO ${random.integer(1000, 99_999)}/${random.pick(["A", "B", "Ø", 'the "usual"'])}`
      : null,
    notes: random.chance(0.1)
      ? random.pick(["Thank you!", "Danke schön", "Leave at the \\ gate", "Merci 🙏", ""])
      : null,
    created_at: timestamp(created),
    updated_at: timestamp(updated),
  };
}

interface Dates {
  status: Invoice["status"];
  dueDay: number;
  paidDay: number | null;
}

/** Status and dates that agree with each other and with today, which is day 0. */
function makeDates(random: Random, day: number): Dates {
  const dueDay = day + random.pick([14, 30, 30, 30, 60]);
  if (day > -21 && random.chance(0.3)) return { status: "draft", dueDay, paidDay: null };
  if (random.chance(0.025)) return { status: "void", dueDay, paidDay: null };
  // Most pay around the due day, some weeks late, a few not at all.
  const paidDay = random.chance(0.03)
    ? Infinity
    : Math.max(day, dueDay + random.integer(-20, random.chance(0.2) ? 75 : 5));
  if (paidDay < 0) return { status: "paid", dueDay, paidDay };
  return { status: dueDay < 0 ? "overdue" : "sent", dueDay, paidDay: null };
}
