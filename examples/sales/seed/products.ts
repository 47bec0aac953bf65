import type { SeedValue } from "./batch.ts";
import { momentOn, timestamp } from "./calendar.ts";
import { profileOf, type Profile } from "./profiles.ts";
import { Random } from "./random.ts";
import type { TaxRate } from "./tax-rates.ts";

export interface Product {
  id: string;
  sku: string;
  name: string;
  description: string | null;
  kind: "goods" | "service" | "subscription";
  unit: "piece" | "box" | "hour" | "month";
  price_cents: number;
  cost_cents: number | null;
  tax_rate_id: string;
  weight_kg: number | null;
  stock_count: number | null;
  tags: string[];
  attributes: SeedValue;
  is_active: boolean;
  created_at: string;
  updated_at: string;
}

const LEVELS: readonly [string, ...string[]] = [
  "Basic",
  "Express",
  "Weekend",
  "Emergency",
  "On-Site",
  "Remote",
  "Premium",
  "Junior",
  "Senior",
  "Annual",
  "Night-Time",
];
const WARRANTY = [0, 12, 24, 36] as const;
const FIRST_DAY = -1400;

/** All on sale before the first invoice. */
export function makeProducts(
  slug: string,
  count: number,
  taxRates: readonly [TaxRate, ...TaxRate[]],
): [Product, ...Product[]] {
  const random = new Random(`${slug}/products`);
  const profile = profileOf(slug);
  return Array.from({ length: count }, (_, index) => makeProduct(random, profile, index, taxRates)) as [
    Product,
    ...Product[],
  ];
}

function makeProduct(
  random: Random,
  profile: Profile,
  index: number,
  taxRates: readonly [TaxRate, ...TaxRate[]],
): Product {
  const created = momentOn(FIRST_DAY + (index % 600), random);
  const kind = kindOf(index);
  const isGoods = kind === "goods";
  const price = makePrice(random, kind);
  const name = nameOf(profile, kind, Math.floor(index / 10) * (isGoods ? 8 : 1) + (isGoods ? index % 10 : 0));
  return {
    id: random.uuid(created),
    sku: `${profile.skuPrefix}-${kind[0]!.toUpperCase()}${String(index + 1).padStart(5, "0")}`,
    name,
    description: random.chance(0.8) ? `${name}. ${random.pick(SENTENCES)}` : null,
    kind,
    unit: kind === "service" ? "hour" : kind === "subscription" ? "month" : random.chance(0.85) ? "piece" : "box",
    price_cents: price,
    cost_cents: random.chance(0.9) ? Math.round((price * random.integer(35, 80)) / 100) : null,
    tax_rate_id: (random.chance(0.8) ? taxRates[0] : random.pick(taxRates)).id,
    weight_kg: isGoods ? random.integer(5, 80_000) / 1000 : null,
    stock_count: isGoods ? random.integer(-2, 400) : null,
    tags: random.chance(0.5) ? [random.pick(["new", "sale", "best seller", "fragile", "half-price ½"])] : [],
    attributes: isGoods ? makeAttributes(random) : {},
    is_active: random.chance(0.93),
    created_at: timestamp(created),
    updated_at: timestamp(created),
  };
}

const SENTENCES: readonly [string, ...string[]] = [
  "Guaranteed until used.",
  "Not to be used near cliffs.",
  'Known in the trade as "the good one".',
  "Ships in 2–3 days.",
  "Keep away from roadrunners.",
  "Batteries not included; see C:\\manuals\\en.",
  "Fits 9½″ frames and smaller.",
];

/** Of ten products eight are goods, one a service, one a subscription. */
function kindOf(index: number): Product["kind"] {
  const place = index % 10;
  return place === 8 ? "service" : place === 9 ? "subscription" : "goods";
}

/** The `ordinal`th name of its kind: all pairs of the two lists once, then again as "Mk 2". */
function nameOf(profile: Profile, kind: Product["kind"], ordinal: number): string {
  const firsts = kind === "goods" ? profile.qualities : LEVELS;
  const seconds = { goods: profile.things, service: profile.services, subscription: profile.subscriptions }[kind];
  const place = ordinal % seconds.length;
  const round = Math.floor(ordinal / seconds.length);
  // Each round moves every second word on to the next first word; the factor keeps neighbours unlike each other.
  const name = `${firsts[(place * 5 + round) % firsts.length]} ${seconds[place]}`;
  const mark = Math.floor(round / firsts.length);
  return mark === 0 ? name : `${name} Mk ${mark + 1}`;
}

function makePrice(random: Random, kind: Product["kind"]): number {
  if (kind === "service") return random.integer(8, 48) * 500;
  if (kind === "subscription") return random.integer(1, 40) * 1000 - 100;
  // Cubed: many cheap things, few dear ones.
  const fraction = random.fraction();
  const dollars = 2 + Math.floor(fraction * fraction * fraction * 1500);
  return dollars * 100 + random.pick([0, 50, 95, 99]);
}

function makeAttributes(random: Random): SeedValue {
  const warrantyMonths = WARRANTY[random.integer(0, 3)]!;
  return {
    colour: random.pick(["red", "sky blue", "beige", "grün", "none"]),
    warranty_months: warrantyMonths,
    box: { width_mm: random.integer(20, 900), height_mm: random.integer(20, 900) },
    certified: warrantyMonths > 12,
  };
}
