import fc from "fast-check";
import { Random } from "../random.ts";

/** Texts that COPY, JSON, tar, psql, shells or people trip over. No U+0000: PostgreSQL has no such text. */
export const TEXTS = [
  "",
  " ",
  "  both ends  ",
  "\\N",
  "\\\\N",
  "\\.",
  "\\",
  "\\\\",
  "\\t\\n\\x41\\101",
  "\t",
  "\n",
  "\r",
  "\r\n",
  "a\tb\nc\rd\\e",
  "\b\f\v\u0001\u001f\u007f\u0080\u009f",
  "'",
  '"',
  "''; drop table app.notes; --",
  "$$ $1 :name :'name' \\! true \\gexec",
  "NULL",
  "null",
  "{}",
  '{"a":"b"}',
  "=1+1",
  "é e\u0301 ß ﬀ İı",
  "日本語 🏠 👩‍👩‍👧‍👦 \u{10ffff}",
  "\u202eright to left\u202c שלום مرحبا",
  "\ufeff\u2028\u2029\u00a0\u200b\ufffd\ufffe",
  "x".repeat(9000),
];

const RANGES = (low: string, high: string) => [
  "empty",
  "(,)",
  `["${low}","${high}")`,
  `["${low}","${low}"]`,
  `(,"${high}"]`,
  `["${low}",)`,
];
const MULTI = (low: string, high: string) => ["{}", "{(,)}", `{["${low}","${high}")}`, `{(,"${low}"),["${high}",)}`];

/** Values of each built-in type, as its input function takes them. */
export const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  aclitem: ["pg_monitor=r/pg_read_all_data", "=r*w/pg_monitor"],
  bit: ["1", "0"],
  bool: ["t", "f"],
  box: ["(1,2),(3,4)", "(1e-300,-0),(1e300,Infinity)"],
  bpchar: ["", "a", "a  ", "ünï"],
  bytea: ["", "\\x00", "\\x5c4e0a09", "\\xdeadbeef00ff", `\\x${"5c0a".repeat(3000)}`],
  char: ["a", "", "\\", "'", "\t", "\n"],
  cid: ["0", "4294967295"],
  cidr: ["10.0.0.0/8", "::/0", "2001:db8::/32", "1.2.3.4/32"],
  circle: ["<(1,2),3>", "<(0,0),0>", "<(-1e300,0.1),5e-324>"],
  date: ["2026-02-28", "infinity", "-infinity", "0001-01-01 BC", "4713-01-01 BC", "5874897-12-31"],
  datemultirange: MULTI("2026-01-01", "2027-01-01"),
  daterange: RANGES("2026-01-01", "2027-01-01"),
  float4: ["0", "-0", "NaN", "Infinity", "-Infinity", "3.4028235e38", "1e-45", "0.1"],
  float8: ["0", "-0", "NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "5e-324", "0.1", "0.30000000000000004"],
  inet: ["0.0.0.0", "10.1.2.3/8", "::1/64", "::ffff:1.2.3.4"],
  int2: ["0", "-32768", "32767"],
  int2vector: ["", "1 2 3", "-1"],
  int4: ["0", "-2147483648", "2147483647"],
  int4multirange: MULTI("1", "9"),
  int4range: RANGES("1", "9"),
  int8: ["0", "-9223372036854775808", "9223372036854775807"],
  int8multirange: MULTI("1", "9007199254740993"),
  int8range: RANGES("1", "9007199254740993"),
  interval: [
    "0",
    "1 mon -3 days 04:05:06.789012",
    "-178000000 years",
    "P1Y2M3DT4H5M6.7S",
    "-1 mon",
    "infinity",
    "-infinity",
  ],
  json: ["null", "{}", '{"b": 1,  "a":1, "a" : 2}', '"\\u00e9\\n"', "1e400", "[1.0, 1.00]"],
  jsonb: ["null", "{}", '{"b": 1, "a": {"c": [1.0, 1.00, "\\t\\\\"]}}', '"\\u00e9\\n"', "1e400", '{"": "\\""}'],
  jsonpath: ["$", '$."a b"[*] ? (@ > 1)', "lax $.a.b", 'strict $."\\n"'],
  line: ["{1,2,3}", "{-1,0,1e-300}"],
  lseg: ["[(1,2),(3,4)]", "[(NaN,0),(0,0)]"],
  macaddr: ["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"],
  macaddr8: ["08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00"],
  money: ["0", "-92233720368547758.08", "92233720368547758.07", "0.01"],
  name: ["", "a b", "\\N", "'\"", "ünï"],
  numeric: ["0", "0.00", "NaN", "Infinity", "-Infinity", "1.50", "-1e-1000", `9${"0".repeat(500)}.${"1".repeat(200)}`],
  nummultirange: MULTI("1.50", "2.00"),
  numrange: RANGES("1.50", "2.00"),
  oid: ["0", "4294967295"],
  oidvector: ["", "1 2 4294967295"],
  path: ["((1,2),(3,4))", "[(1,2),(3,4),(5,6)]"],
  pg_lsn: ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"],
  pg_snapshot: ["10:20:10,14,15", "1:1:"],
  point: ["(1.5,-2)", "(NaN,Infinity)", "(-0,5e-324)"],
  polygon: ["((0,0),(1,1),(1,0))", "((1e300,-1e300))"],
  refcursor: TEXTS,
  regclass: ["pg_class", "-"],
  regcollation: ['"C"', "-"],
  regconfig: ["english", "simple"],
  regdictionary: ["simple"],
  regnamespace: ["pg_catalog", "app"],
  regoper: ["||/", "0"],
  regoperator: ["+(integer,integer)", "0"],
  regproc: ["now", "-"],
  regprocedure: ["now()", "abs(integer)"],
  regrole: ["pg_monitor", "rowhouse_owner"],
  regtype: ["integer", "timestamp with time zone[]", "-"],
  text: TEXTS,
  tid: ["(0,1)", "(4294967295,65535)"],
  time: ["00:00", "23:59:59.999999", "24:00"],
  timestamp: [
    "2026-01-01 00:00:00.123456",
    "infinity",
    "-infinity",
    "4713-01-01 00:00 BC",
    "294276-12-31 23:59:59.999999",
  ],
  timestamptz: [
    "2026-01-01 00:00:00.123456+13",
    "infinity",
    "-infinity",
    "0044-03-15 12:00 BC",
    "294276-12-31 00:00+00",
  ],
  timetz: ["12:00+02", "00:00-15:59", "24:00+15:59"],
  tsmultirange: MULTI("2026-01-01 00:00", "2027-01-01 12:00"),
  tsquery: ["'fat' & 'rat'", "'a b':*AB | !'\\'\\\\'", "'x' <2> 'y'"],
  tsrange: RANGES("2026-01-01 00:00", "2027-01-01 12:00"),
  tstzmultirange: MULTI("2026-01-01 00:00+05", "2027-01-01 12:00-05"),
  tstzrange: RANGES("2026-01-01 00:00+05", "infinity"),
  tsvector: ["", "'fat':1A,2B 'cat':3", "'it''s' '\\\\' 'a b'"],
  txid_snapshot: ["10:20:10,14,15"],
  uuid: ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  varbit: ["", "101", "1".repeat(100)],
  varchar: TEXTS,
  xid: ["0", "4294967295"],
  xid8: ["0", "18446744073709551615"],
  xml: ["", "<a>b</a>", "<a>&lt;\n\t\\N</a> text", '<?xml version="1.0"?><ü b=\'"\'/>'],
};

/** One after the other, always the same ones for a seed. */
export class Dice extends Random {
  readonly #texts: string[];

  constructor(seed: number) {
    super(seed);
    const text = fc.string({ unit: "binary", maxLength: 60 }).map((value) => value.replaceAll("\0", "\\0"));
    this.#texts = fc.sample(text, { seed, numRuns: 500 });
  }

  text(): string {
    return this.below(2) === 0 ? this.pick(TEXTS) : this.pick(this.#texts);
  }
}
