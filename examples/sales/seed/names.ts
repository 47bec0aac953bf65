import type { Random } from "./random.ts";

type Words = readonly [string, ...string[]];

const FIRST_NAMES: Words = [
  "Ada",
  "Grace",
  "Linus",
  "Edsger",
  "Barbara",
  "Margaret",
  "Łukasz",
  "Zoë",
  "Søren",
  "Chloé",
  "José",
  "Jürgen",
  "Mei",
  "Siobhán",
  "Nguyễn",
  "Олена",
  "Ἀθηνᾶ",
  "Peter",
  "Milton",
  "Michael",
  "Samir",
  "Joanna",
  "Wile E.",
  "Hank",
  "Björk",
  "Amélie",
  "D'Arcy",
  "Anaïs",
  "Iñaki",
  "Þóra",
  "Renée",
  "Kwame",
  "Fatima",
  "João",
  "Ingrid",
  "Ravi",
];
const LAST_NAMES: Words = [
  "Lovelace",
  "Hopper",
  "Dijkstra",
  "Hamilton",
  "Liskov",
  "O'Neill",
  "O'Brien",
  "Müller",
  "Ångström",
  "Nuñez",
  "Kowalski",
  "Čapek",
  "D'Amico",
  "van der Berg",
  "Waddams",
  "Gibbons",
  "Nagheenanajar",
  "Scorpio",
  "Coyote",
  "Bolton",
  "Smith-Jones",
  "Öztürk",
  "Håkansson",
  "Ó Súilleabháin",
  "Шевченко",
  "Παπαδόπουλος",
  "Tanaka",
  "Okafor",
  "Patel",
  "García",
  "Lemaître",
];
const TRADES: Words = [
  "Bakery",
  "Logistics",
  "Robotics",
  "Tea Traders",
  "Canyon Tours",
  "Dental Care",
  "Brauerei",
  "Boulangerie",
  "Optics",
  "Moving & Storage",
  "Steel",
  "Umbrellas",
  "Music",
  "Publishing",
  "Marmalade",
  "Bicycle Repair",
  "Cheese",
  "Airships",
  "Lighthouse Supplies",
  "Fireworks",
  "Consulting",
  "Carpets",
  "Vineyards",
  "Aquariums",
  "Typewriters",
  "Gardens",
];
const FORMS: Words = [
  "Ltd.",
  "GmbH",
  "B.V.",
  "Inc.",
  "LLC",
  "S.A.",
  "& Sons",
  "& Söhne",
  "Sp. z o.o.",
  "AB",
  "Oy",
  "Kft.",
];

/** Every fifteenth customer has one of these, so that each tenant of 300 has them all. */
export function awkwardCompany(index: number): string | undefined {
  return index % 15 === 7 ? AWKWARD_COMPANIES[Math.floor(index / 15) % AWKWARD_COMPANIES.length] : undefined;
}

/** Names that have broken an importer somewhere: quotes, backslashes, other scripts, the words of SQL and of COPY. */
const AWKWARD_COMPANIES: Words = [
  'The "Best" Bakery',
  "C:\\TEMP Software",
  "Robert'); DROP TABLE students;--",
  "100% Pure & Simple <b>Ltd</b>",
  "NULL Island Tours",
  "株式会社 山猫軒",
  "שלום קפה",
  "شركة الأهرام",
  "Café Noël",
  "Cafe\u0301 Noe\u0308l (decomposed)",
  "🚀 Rockets ’R’ Us",
  "{Curly, Braces}",
  "Comma, Semicolon; & Tab",
  "\\N Records",
  "Dollar $1 Store",
  "Straße des 17. Juni e.V.",
  "ΣΊΣΥΦΟΣ Α.Ε.",
  "İstanbul Işık A.Ş.",
];

export const TAGS: Words = [
  "vip",
  "wholesale",
  "retail",
  "prospect",
  "late payer",
  "exports",
  "nonprofit",
  "Größe XL",
  "since 1999",
  'needs "PO"',
  "a,b",
  "NULL",
  "{vip}",
  "back\\slash",
  "日本",
];

export const NOTES: Words = [
  "Rings twice.",
  "Prefers to be called after 10.",
  'Said: "never on a Monday".',
  "Two lines:\nthe second one.",
  "Tab\there, and a \\N there.",
  "",
  "Wants the invoice on paper 📄.",
  "Beware of the dog — and of the roadrunner.",
  "Pays in advance; 50% off?",
  "It's the O'Briens' cousin.",
  "Trailing space ",
  "\\. ends a COPY, not this note.",
];

export function makePerson(random: Random): string {
  return `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`;
}

export function makeCompany(random: Random): string {
  const name = `${random.pick(LAST_NAMES)} ${random.pick(TRADES)}`;
  return random.chance(0.8) ? `${name} ${random.pick(FORMS)}` : name;
}

/** An address of the name's Latin letters; names repeat, so the index keeps them apart. `.example` is nobody's (RFC 2606). */
export function emailOf(name: string, index: number, random: Random): string {
  const letters = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z]+/g, " ")
    .trim()
    .replaceAll(" ", ".");
  const domain = random.pick(["mail.example", "post.example", "office.example"]);
  return `${letters.slice(0, 24).replace(/\.$/, "") || "info"}.${index + 1}@${domain}`;
}
