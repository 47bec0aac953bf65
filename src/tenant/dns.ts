import { Resolver } from "node:dns/promises";

/** What the TXT records of a name say, or why there are none. */
export interface TxtAnswer {
  readonly values: readonly string[];
  readonly problem: string | null;
  /** Whether DNS said what there is, be it nothing; false where it could not be asked. */
  readonly isAnswered: boolean;
}

/** Strings of one record are one value (RFC 1035 3.3.14, RFC 7208 3.3). Never throws: no answer is an answer. */
export async function lookUpTxt(name: string, servers?: readonly string[]): Promise<TxtAnswer> {
  const resolver = new Resolver({ timeout: 3000, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  try {
    const records = await resolver.resolveTxt(name);
    return { values: records.map((strings) => strings.join("")), problem: null, isAnswered: true };
  } catch (error) {
    const code = (error as { code?: string }).code ?? String(error);
    const isAbsent = code === "ENODATA" || code === "ENOTFOUND";
    const problem = isAbsent ? `There is no TXT record ${name}` : `DNS answered ${code} for ${name}`;
    return { values: [], problem, isAnswered: isAbsent };
  }
}
