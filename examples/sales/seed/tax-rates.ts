import { dateOn, momentOn, timestamp } from "./calendar.ts";
import { profileOf } from "./profiles.ts";
import { Random } from "./random.ts";

export interface TaxRate {
  id: string;
  name: string;
  country: string;
  basis_points: number;
  is_default: boolean;
  valid_from_on: string;
  created_at: string;
  updated_at: string;
}

const FIRST_DAY = -1500;

/** The same few at every scale: a bigger company does not pay more kinds of tax. */
export function makeTaxRates(slug: string): [TaxRate, ...TaxRate[]] {
  const random = new Random(`${slug}/tax_rates`);
  const { taxRates, country } = profileOf(slug);
  return taxRates.map((facts, index): TaxRate => {
    const created = momentOn(FIRST_DAY, random);
    return {
      id: random.uuid(created),
      name: facts.name,
      country,
      basis_points: facts.basisPoints,
      is_default: index === 0,
      valid_from_on: dateOn(FIRST_DAY),
      created_at: timestamp(created),
      updated_at: timestamp(created),
    };
  }) as [TaxRate, ...TaxRate[]];
}
