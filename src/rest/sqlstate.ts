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

/** The same code for two things, told apart by PostgreSQL's own words. */
const BY_MESSAGE: ReadonlyMap<string, { readonly message: RegExp; readonly status: number }> = new Map([
  // Of the extension pg-safeupdate: the client's statement, while a sub-select with several rows is the schema's.
  ["21000", { message: /requires a WHERE clause$/, status: 400 }],
  ["22023", { message: /^role.*does not exist$/s, status: 401 }],
  ["42883", { message: /^function xmlagg\(/, status: 406 }],
]);

/** `PTxyz` says its own status; one that is no number, or that can't be a final answer's, is a fault of the function. */
function ownStatus(sqlstate: string): number {
  const status = Number(sqlstate.slice(2));
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500;
}

/** HTTP status of an error that the database raised; what is not in the tables is the client's. */
export function statusOf(sqlstate: string, message = ""): number {
  if (sqlstate.startsWith("PT")) return ownStatus(sqlstate);
  const special = BY_MESSAGE.get(sqlstate);
  if (special?.message.test(message) === true) return special.status;
  return BY_CODE.get(sqlstate) ?? BY_CLASS.get(sqlstate.slice(0, 2)) ?? 400;
}
