/** HTTP status by SQLSTATE (PostgREST, Error Source: PostgreSQL). The whole code is looked up first, then its class. */
const BY_CODE: ReadonlyMap<string, number> = new Map([
  ["23503", 409],
  ["23505", 409],
  ["25006", 405],
  ["21000", 500],
  ["22023", 400],
  ["42883", 404],
  ["42P01", 404],
  ["42P17", 500],
  ["42501", 403],
  ["53400", 500],
  ["57P01", 503],
  ["P0001", 400],
]);

const BY_CLASS: ReadonlyMap<string, number> = new Map([
  ["08", 503],
  ["09", 500],
  ["0L", 403],
  ["0P", 403],
  ["25", 500],
  ["28", 403],
  ["2D", 500],
  ["38", 500],
  ["39", 500],
  ["3B", 500],
  ["40", 500],
  ["53", 503],
  ["54", 500],
  ["55", 500],
  ["57", 500],
  ["58", 500],
  ["F0", 500],
  ["HV", 500],
  ["P0", 500],
  ["XX", 500],
]);

/** HTTP status of an error that the database raised. `PTxyz` says its own; what is not in the tables is the client's. */
export function statusOf(sqlstate: string): number {
  if (/^PT[2-5]\d\d$/.test(sqlstate)) return Number(sqlstate.slice(2));
  return BY_CODE.get(sqlstate) ?? BY_CLASS.get(sqlstate.slice(0, 2)) ?? 400;
}
