import type { SeedValue } from "./batch.ts";
import { momentOn, timestamp } from "./calendar.ts";
import { placeFrom, PLACES } from "./places.ts";
import { profileOf } from "./profiles.ts";
import { Random } from "./random.ts";

export interface Location {
  id: string;
  parent_id: string | null;
  code: string;
  name: string;
  kind: "headquarters" | "store" | "warehouse" | "workshop";
  city: string;
  country: string;
  timezone: string;
  latitude: number | null;
  longitude: number | null;
  opens_at: string | null;
  closes_at: string | null;
  opening_hours: SeedValue;
  is_open: boolean;
  created_at: string;
  updated_at: string;
}

const KINDS = ["store", "store", "warehouse", "store", "workshop"] as const;
const LABELS = { headquarters: "Headquarters", store: "Store", warehouse: "Warehouse", workshop: "Workshop" } as const;
const HOURS: readonly [SeedValue, ...SeedValue[]] = [
  {},
  { sat: ["10:00", "16:00"], sun: null },
  { fri: ["09:00", "21:00"], sat: ["10:00", "18:00"], sun: ["12:00", "17:00"] },
];

/** A tree: the headquarters, under it every eighth location, under each of those the seven that follow it. */
export function makeLocations(slug: string, count: number): [Location, ...Location[]] {
  const random = new Random(`${slug}/locations`);
  const { home } = profileOf(slug);
  const locations: Location[] = [];
  for (let index = 0; index < count; index++) {
    const parent = index === 0 ? undefined : locations[index % 8 === 0 ? 0 : index - (index % 8)];
    locations.push(makeLocation(random, index, home, parent?.id ?? null));
  }
  return locations as [Location, ...Location[]];
}

function makeLocation(random: Random, index: number, home: string, parentId: string | null): Location {
  const created = momentOn(-1450 + index, random);
  const place = placeFrom(home, index);
  const kind = index === 0 ? "headquarters" : KINDS[index % KINDS.length]!;
  const round = Math.floor(index / PLACES.length);
  const isPublic = kind === "store" || kind === "workshop";
  // A new site has not been surveyed yet.
  const isSurveyed = random.chance(0.9);
  return {
    id: random.uuid(created),
    parent_id: parentId,
    code: index === 0 ? "HQ" : `${kind[0]!.toUpperCase()}-${String(index).padStart(3, "0")}`,
    name: `${LABELS[kind]} ${place.city}${round === 0 ? "" : ` ${round + 1}`}`,
    kind,
    city: place.city,
    country: place.country,
    timezone: place.timezone,
    latitude: isSurveyed ? place.latitude : null,
    longitude: isSurveyed ? place.longitude : null,
    opens_at: isPublic ? random.pick(["08:00:00", "09:00:00", "09:30:00"]) : null,
    closes_at: isPublic ? random.pick(["17:30:00", "18:00:00", "21:00:00"]) : null,
    opening_hours: isPublic ? random.pick(HOURS) : {},
    is_open: index === 0 || random.chance(0.95),
    created_at: timestamp(created),
    updated_at: timestamp(created),
  };
}
