import type { SeedValue } from "./batch.ts";
import { momentOn, timestamp } from "./calendar.ts";
import { awkwardCompany, emailOf, makeCompany, makePerson, NOTES, TAGS } from "./names.ts";
import { placeFrom, PLACES } from "./places.ts";
import { profileOf } from "./profiles.ts";
import { Random } from "./random.ts";

export interface Customer {
  id: string;
  number: string;
  kind: "company" | "person";
  name: string;
  email: string | null;
  phone: string | null;
  city: string | null;
  country: string | null;
  tags: string[];
  settings: SeedValue;
  credit_limit_cents: number | null;
  is_active: boolean;
  notes: string | null;
  created_at: string;
  updated_at: string;
}

const FIRST_DAY = -1095;

/** The day that the `index`th of `count` customers came: a third of them before the first invoice, all before today. */
export function arrivalDay(index: number, count: number): number {
  return FIRST_DAY + Math.floor((1090 * index) / count);
}

export function makeCustomers(slug: string, count: number): [Customer, ...Customer[]] {
  const random = new Random(`${slug}/customers`);
  const { home } = profileOf(slug);
  return Array.from({ length: count }, (_, index) => makeCustomer(random, index, arrivalDay(index, count), home)) as [
    Customer,
    ...Customer[],
  ];
}

function makeCustomer(random: Random, index: number, day: number, home: string): Customer {
  const created = momentOn(day, random);
  const awkward = awkwardCompany(index);
  const kind = awkward !== undefined || random.chance(0.75) ? "company" : "person";
  const name = awkward ?? (kind === "company" ? makeCompany(random) : makePerson(random));
  const place = random.chance(0.97) ? placeFrom(home, random.favourite(PLACES.length)) : undefined;
  return {
    id: random.uuid(created),
    number: `C-${String(index + 1).padStart(5, "0")}`,
    kind,
    name,
    email: random.chance(0.92) ? emailOf(name, index, random) : null,
    phone: random.chance(0.7) ? `+1 555 01${String(random.integer(0, 99)).padStart(2, "0")}` : null,
    city: place?.city ?? null,
    country: place?.country ?? null,
    tags: makeTags(random),
    settings: makeSettings(random),
    credit_limit_cents: random.chance(0.4) ? random.integer(1, 50) * 100_000 : null,
    is_active: random.chance(0.94),
    notes: random.chance(0.25) ? random.pick(NOTES) : null,
    created_at: timestamp(created),
    updated_at: timestamp(created),
  };
}

function makeTags(random: Random): string[] {
  const count = random.pick([0, 0, 1, 1, 1, 2, 3]);
  return [...new Set(Array.from({ length: count }, () => random.pick(TAGS)))];
}

function makeSettings(random: Random): SeedValue {
  if (random.chance(0.1)) return {};
  const settings = {
    newsletter: random.chance(0.4),
    channel: random.pick(["email", "post", "portal"]),
    payment_terms_days: random.pick([14, 30, 30, 60]),
  };
  return random.chance(0.8)
    ? settings
    : { ...settings, delivery: { gate: random.pick(["A", "B", "Nord"]), before: "10:30" } };
}
