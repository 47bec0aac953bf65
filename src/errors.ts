/**
 * Every refusal that Rowhouse can give, in one table. The code is stable: clients and scripts match on it.
 * `RHxyy`: x is the stage that refuses (1 which tenant, 2 who, 3 database, 4 operator input and schema, 5 archive,
 * 6 embedded server, 7 placement and moves, 9 bug). `PGRST…` codes keep PostgREST's meaning, since its clients parse them.
 * The SQL in `policies/` raises the same codes as SQLSTATEs. `docs/reference/errors.md` is checked against this table.
 */
interface ErrorFacts {
  readonly code: string;
  /** HTTP status of an answer that carries it. */
  readonly status: number;
  /** Exit code of a command that ends with it: 1 failure, 2 usage, 3 findings, 4 not found, 5 conflict. */
  readonly exit: 1 | 2 | 3 | 4 | 5;
  /** What it means, in one line. */
  readonly title: string;
}

export const ERRORS = {
  hostInvalid: { code: "RH100", status: 400, exit: 1, title: "The Host header is not a valid host name" },
  hostUnknown: { code: "RH101", status: 404, exit: 4, title: "No tenant answers at this host" },
  tenantUnknown: { code: "RH102", status: 404, exit: 4, title: "There is no such tenant" },
  tenantSuspended: { code: "RH103", status: 403, exit: 1, title: "The tenant is suspended" },
  tenantDisagreement: { code: "RH104", status: 403, exit: 1, title: "The request names two different tenants" },
  tenantMissing: { code: "RH105", status: 400, exit: 1, title: "The request names no tenant" },
  tenantMoved: { code: "RH106", status: 503, exit: 1, title: "The tenant lives in another database now" },
  forwardedInvalid: { code: "RH107", status: 400, exit: 1, title: "A forwarded header is malformed" },
  routeUnknown: { code: "RH108", status: 404, exit: 4, title: "There is nothing at this path" },
  methodUnsupported: { code: "RH109", status: 405, exit: 1, title: "The path does not take this method" },

  requestMalformed: { code: "PGRST100", status: 400, exit: 1, title: "The query string can't be parsed" },
  rpcMethodUnsupported: { code: "PGRST101", status: 405, exit: 1, title: "A function is not called by this method" },
  bodyInvalid: { code: "PGRST102", status: 400, exit: 1, title: "The request body is not valid" },
  rangeUnsatisfiable: { code: "PGRST103", status: 416, exit: 1, title: "The requested range is not satisfiable" },
  putFiltersInvalid: {
    code: "PGRST105",
    status: 405,
    exit: 1,
    title: "A PUT names its row by other filters than its primary key",
  },
  profileUnknown: { code: "PGRST106", status: 406, exit: 1, title: "The schema is not served" },
  mediaTypeUnsupported: {
    code: "PGRST107",
    status: 406,
    exit: 1,
    title: "None of the accepted media types can be produced",
  },
  embedNotSelected: { code: "PGRST108", status: 400, exit: 1, title: "A filter names an embed that is not selected" },
  responseHeadersInvalid: {
    code: "PGRST111",
    status: 500,
    exit: 1,
    title: "A function set response.headers to something else than a list of headers",
  },
  responseStatusInvalid: {
    code: "PGRST112",
    status: 500,
    exit: 1,
    title: "A function set response.status to something else than a status",
  },
  putRangeGiven: { code: "PGRST114", status: 400, exit: 1, title: "A PUT has a limit or an offset" },
  putKeyDiffers: {
    code: "PGRST115",
    status: 400,
    exit: 1,
    title: "The row of a PUT is not the one that its filters name",
  },
  rowsNotSingle: { code: "PGRST116", status: 406, exit: 1, title: "Cannot coerce the result to a single JSON object" },
  restMethodUnsupported: { code: "PGRST117", status: 405, exit: 1, title: "The method is not supported" },
  orderNotToOne: { code: "PGRST118", status: 400, exit: 1, title: "Only a to-one embed can be ordered by" },
  embedFilterInvalid: {
    code: "PGRST120",
    status: 400,
    exit: 1,
    title: "An embed can only be asked whether it is null",
  },
  raiseMalformed: {
    code: "PGRST121",
    status: 500,
    exit: 1,
    title: "A function raised the SQLSTATE PGRST without the JSON that it takes",
  },
  preferInvalid: {
    code: "PGRST122",
    status: 400,
    exit: 1,
    title: "A preference is not understood, and handling=strict was asked for",
  },
  aggregatesOff: { code: "PGRST123", status: 400, exit: 1, title: "Use of aggregate functions is not allowed" },
  maxAffectedExceeded: {
    code: "PGRST124",
    status: 400,
    exit: 1,
    title: "The request would change more rows than it allows",
  },
  pathInvalid: { code: "PGRST125", status: 404, exit: 4, title: "The path is not one of the API" },
  spreadAggregate: { code: "PGRST127", status: 400, exit: 1, title: "An aggregate stands in a spread of many rows" },
  maxAffectedSingle: {
    code: "PGRST128",
    status: 400,
    exit: 1,
    title: "max-affected was asked for, and the function returns no set",
  },
  relationshipUnknown: { code: "PGRST200", status: 400, exit: 1, title: "The tables have no relationship" },
  relationshipAmbiguous: { code: "PGRST201", status: 300, exit: 1, title: "More than one relationship fits" },
  routineUnknown: { code: "PGRST202", status: 404, exit: 4, title: "There is no function that takes these arguments" },
  routineAmbiguous: { code: "PGRST203", status: 300, exit: 1, title: "More than one function takes these arguments" },
  columnUnknown: { code: "PGRST204", status: 400, exit: 1, title: "The table has no such column" },
  tableUnknown: { code: "PGRST205", status: 404, exit: 4, title: "There is no such table" },
  bodyTooLarge: { code: "RH110", status: 413, exit: 1, title: "The request body is too large" },
  tenantIdGiven: { code: "RH111", status: 400, exit: 1, title: "tenant_id is not part of the API" },
  limitExceeded: { code: "RH112", status: 400, exit: 1, title: "The request exceeds a limit" },
  featureUnsupported: { code: "RH113", status: 501, exit: 1, title: "The dialect knows it, this version does not" },
  headerRepeated: { code: "RH114", status: 400, exit: 1, title: "A header that must stand once is repeated" },
  clientGone: { code: "RH119", status: 499, exit: 1, title: "The client went away before its answer" },
  preconditionFailed: {
    code: "RH120",
    status: 412,
    exit: 5,
    title: "The row is not as If-Match or If-None-Match wants it",
  },
  preconditionInvalid: {
    code: "RH121",
    status: 400,
    exit: 1,
    title: "If-Match or If-None-Match can't be decided for this request",
  },
  idempotencyKeyInvalid: { code: "RH122", status: 400, exit: 1, title: "The Idempotency-Key is malformed" },
  idempotencyRunning: {
    code: "RH123",
    status: 409,
    exit: 5,
    title: "A request with this Idempotency-Key is still running",
  },
  idempotencyMismatch: {
    code: "RH125",
    status: 422,
    exit: 5,
    title: "The Idempotency-Key was used for another request",
  },
  cursorInvalid: { code: "RH126", status: 400, exit: 1, title: "The cursor does not fit this request" },
  deletedForbidden: { code: "RH127", status: 403, exit: 1, title: "The role may not see deleted rows" },
  deletedUnknown: { code: "RH128", status: 400, exit: 1, title: "The request has no use for the parameter deleted" },
  rowDeleted: { code: "RH129", status: 409, exit: 5, title: "The row of this key is deleted" },
  requestInvalid: { code: "RH118", status: 400, exit: 2, title: "The request does not fit its description" },

  credentialsMissing: { code: "PGRST302", status: 401, exit: 1, title: "The request carries no token" },
  tokenInvalid: { code: "PGRST301", status: 401, exit: 1, title: "The token can't be verified" },
  claimsInvalid: { code: "PGRST303", status: 401, exit: 1, title: "The token's claims are not accepted" },

  permissionDenied: { code: "RH206", status: 403, exit: 1, title: "The membership role may not do this" },
  sessionEnded: { code: "RH207", status: 401, exit: 1, title: "The sign-in or key is over" },
  userInactive: { code: "RH208", status: 401, exit: 1, title: "The user is not active" },

  credentialsWrong: { code: "RH210", status: 400, exit: 1, title: "E-mail and password don't belong together" },
  passwordWeak: { code: "RH211", status: 422, exit: 2, title: "The password is too weak" },
  attemptsExceeded: { code: "RH212", status: 429, exit: 1, title: "Too many attempts" },
  signUpClosed: { code: "RH213", status: 422, exit: 1, title: "The tenant takes no sign-ups" },
  refreshTokenUnknown: { code: "RH214", status: 400, exit: 1, title: "The refresh token is not good" },
  refreshTokenReused: {
    code: "RH215",
    status: 400,
    exit: 1,
    title: "The refresh token was used before, and its session is over",
  },
  linkInvalid: { code: "RH216", status: 403, exit: 1, title: "The link has expired or was used" },
  emailUnconfirmed: { code: "RH217", status: 400, exit: 1, title: "The e-mail address was not confirmed yet" },
  emailTaken: { code: "RH218", status: 422, exit: 5, title: "A user of this e-mail address exists" },
  userUnknown: { code: "RH219", status: 404, exit: 4, title: "There is no such user" },
  originRefused: { code: "RH220", status: 403, exit: 1, title: "The request comes from another site" },
  keyUnknown: { code: "RH221", status: 404, exit: 4, title: "There is no such API key" },
  outboundRefused: { code: "RH222", status: 422, exit: 1, title: "The address is not one that this server asks" },
  outboundFailed: { code: "RH223", status: 502, exit: 1, title: "Another server gave no usable answer" },
  issuerTaken: { code: "RH224", status: 409, exit: 5, title: "The issuer signs for another tenant by this audience" },
  issuerUnfit: { code: "RH225", status: 422, exit: 1, title: "What the issuer publishes, or its registration, can't be used" },
  issuerUnavailable: { code: "RH226", status: 503, exit: 1, title: "The keys of the token's issuer can't be had now" },
  identityUnknown: { code: "RH227", status: 403, exit: 1, title: "The token is good, and no user of the tenant is who it names" },
  identityTaken: { code: "RH228", status: 409, exit: 5, title: "The issuer's subject is another user of the tenant" },
  operatorUnauthorized: { code: "RH230", status: 401, exit: 1, title: "The operator's token is missing or not good" },
  operatorDenied: { code: "RH231", status: 403, exit: 1, title: "The operator's role may not do this" },
  operatorUnknown: { code: "RH232", status: 404, exit: 4, title: "There is no such operator" },
  operatorExists: { code: "RH233", status: 409, exit: 5, title: "An operator of this e-mail address exists" },
  operatorLast: { code: "RH234", status: 409, exit: 5, title: "It is the last owner of the deployment" },

  contextMissing: { code: "RH300", status: 500, exit: 1, title: "A statement ran without a tenant's context" },
  sealInvalid: { code: "RH301", status: 500, exit: 1, title: "The context's seal does not verify" },
  databaseUnavailable: { code: "RH302", status: 503, exit: 1, title: "The database can't be reached" },
  notReady: { code: "RH303", status: 503, exit: 3, title: "The server refuses to serve" },
  statementTimeout: { code: "RH304", status: 504, exit: 1, title: "The statement took too long" },
  busy: { code: "RH305", status: 503, exit: 1, title: "No database connection became free in time" },

  usage: { code: "RH400", status: 400, exit: 2, title: "The command or setting is not understood" },
  configInvalid: { code: "RH401", status: 500, exit: 2, title: "A setting is missing or malformed" },
  slugMalformed: { code: "RH402", status: 400, exit: 2, title: "The slug is malformed" },
  slugReserved: { code: "RH403", status: 400, exit: 2, title: "The slug is reserved" },
  tenantExists: { code: "RH404", status: 409, exit: 5, title: "A tenant of this slug exists" },
  domainMalformed: { code: "RH405", status: 400, exit: 2, title: "The domain is malformed" },
  domainTaken: { code: "RH406", status: 409, exit: 5, title: "The domain is another tenant's" },
  domainUnknown: { code: "RH407", status: 404, exit: 4, title: "The tenant has no such domain" },
  domainUnverified: { code: "RH408", status: 409, exit: 1, title: "The domain's DNS proof was not found" },
  confirmationMissing: { code: "RH409", status: 400, exit: 2, title: "The command wants to be confirmed" },
  migrationEdited: { code: "RH410", status: 409, exit: 5, title: "An applied migration was edited or removed" },
  migrationFailed: { code: "RH411", status: 500, exit: 1, title: "A migration failed" },
  migrationPending: { code: "RH412", status: 503, exit: 3, title: "Migrations are pending" },
  tableUnprotected: { code: "RH413", status: 500, exit: 1, title: "A table of app or tenant is not protected" },
  keyWithoutTenant: { code: "RH414", status: 500, exit: 1, title: "A key does not carry tenant_id" },
  databaseTooOld: { code: "RH415", status: 500, exit: 1, title: "The PostgreSQL server is too old" },
  tableUnfit: { code: "RH416", status: 500, exit: 1, title: "The table or schema can't be protected as it stands" },
  schemaUnknown: { code: "RH417", status: 503, exit: 5, title: "The database was migrated by a newer Rowhouse or app" },
  domainInUse: { code: "RH418", status: 409, exit: 5, title: "The address is the tenant's own slug" },
  keyRotated: {
    code: "RH419",
    status: 409,
    exit: 5,
    title: "The signing key was rotated by someone else at this moment",
  },
  migrationBlocked: { code: "RH420", status: 503, exit: 1, title: "A migration did not get its locks in time" },
  adoptMissing: { code: "RH421", status: 404, exit: 4, title: "The schema to adopt does not exist" },
  adoptUnfit: { code: "RH422", status: 409, exit: 5, title: "The schema can't be adopted as it stands" },
  adoptFails: { code: "RH423", status: 500, exit: 1, title: "The migration that adopt would write fails" },
  purgeUnknown: { code: "RH424", status: 404, exit: 4, title: "The table keeps no deleted rows" },
  purgeBlocked: { code: "RH425", status: 409, exit: 5, title: "Other rows point at the deleted ones" },
  limitReached: { code: "RH430", status: 409, exit: 1, title: "The tenant's plan allows no more of this" },
  roleUnknown: { code: "RH431", status: 400, exit: 1, title: "There is no such membership role" },
  planUnknown: { code: "RH432", status: 404, exit: 4, title: "There is no such plan" },
  planExists: { code: "RH433", status: 409, exit: 5, title: "A plan of this name exists" },
  planInUse: { code: "RH434", status: 409, exit: 5, title: "The plan is in use" },
  domainCooling: { code: "RH435", status: 409, exit: 5, title: "The domain was another tenant's a short while ago" },
  demoUnknown: { code: "RH436", status: 404, exit: 4, title: "There is no such demo request" },
  demoDecided: { code: "RH437", status: 409, exit: 5, title: "The demo request was decided otherwise" },
  issuerUnknown: { code: "RH438", status: 404, exit: 4, title: "The tenant has no such issuer" },
  issuerExists: { code: "RH439", status: 409, exit: 5, title: "The tenant has this issuer already" },
  requestRunning: { code: "RH440", status: 409, exit: 5, title: "A request with this Idempotency-Key is running" },
  requestDiffers: { code: "RH441", status: 422, exit: 1, title: "Another request was sent with this Idempotency-Key" },
  impersonationUnknown: { code: "RH442", status: 404, exit: 4, title: "There is no such impersonation" },
  webhookUnknown: { code: "RH443", status: 404, exit: 4, title: "There is no such webhook" },
  deliveryUnknown: { code: "RH444", status: 404, exit: 4, title: "The webhook has no such delivery" },
  webhookEventUnknown: { code: "RH445", status: 400, exit: 2, title: "There is no event of this name" },
  roleExists: { code: "RH447", status: 409, exit: 5, title: "The tenant has a role of this name" },
  ownerLast: { code: "RH448", status: 409, exit: 5, title: "It is the last active owner of the tenant" },
  roleInUse: { code: "RH449", status: 409, exit: 5, title: "The role is held by users or API keys" },
  dataUnknown: { code: "RH450", status: 404, exit: 4, title: "The tenant has no setting, flag or location of this name" },

  archiveDamaged: { code: "RH500", status: 400, exit: 1, title: "The archive is damaged" },
  archiveVersion: { code: "RH501", status: 400, exit: 1, title: "The archive's format is not known" },
  archiveSchema: { code: "RH502", status: 409, exit: 5, title: "The archive does not fit this database's schema" },
  tenantNotEmpty: { code: "RH503", status: 409, exit: 5, title: "The tenant has rows already" },
  exportInconsistent: { code: "RH504", status: 500, exit: 1, title: "Two counts of the same snapshot differ" },
  fileExists: { code: "RH505", status: 409, exit: 5, title: "The file exists" },
  fileMissing: { code: "RH506", status: 404, exit: 4, title: "The file does not exist" },
  signatureInvalid: { code: "RH507", status: 400, exit: 1, title: "The signature is not good" },
  archiveLocked: { code: "RH508", status: 400, exit: 1, title: "The archive is encrypted, and no key opens it" },
  rowUnknown: { code: "RH520", status: 404, exit: 4, title: "The archive has no such row" },
  maskRefused: { code: "RH521", status: 400, exit: 2, title: "The mask does not fit the tables" },
  archiveOlder: {
    code: "RH522",
    status: 409,
    exit: 5,
    title: "The archive is of an older schema, and can't be migrated here",
  },
  archiveNewer: { code: "RH523", status: 409, exit: 5, title: "The archive is of a newer schema than this database" },

  embeddedMissing: { code: "RH600", status: 500, exit: 1, title: "The embedded PostgreSQL is not installed" },
  embeddedRunning: { code: "RH601", status: 409, exit: 5, title: "Rowhouse is running on this data folder" },
  embeddedFailed: { code: "RH602", status: 500, exit: 1, title: "The embedded PostgreSQL did not start" },
  portTaken: { code: "RH603", status: 409, exit: 5, title: "The port is taken" },
  databaseMissing: { code: "RH604", status: 500, exit: 4, title: "There is no database yet" },

  tenantFenced: { code: "RH700", status: 503, exit: 1, title: "The tenant is being moved, and its writes wait" },
  tenantArriving: { code: "RH701", status: 503, exit: 1, title: "The tenant is on its way to this database" },
  databaseUnknown: { code: "RH702", status: 404, exit: 4, title: "There is no database of this name" },
  databaseExists: { code: "RH703", status: 409, exit: 5, title: "A database of this name exists" },
  databaseInUse: { code: "RH704", status: 409, exit: 5, title: "Tenants live in this database" },
  databaseUnfit: { code: "RH705", status: 409, exit: 1, title: "The database can't be used" },
  databaseVersion: {
    code: "RH706",
    status: 503,
    exit: 1,
    title: "The database's schema is older or newer than this server's",
  },
  moveUnknown: { code: "RH710", status: 404, exit: 4, title: "There is no such move" },
  moveRunning: { code: "RH711", status: 409, exit: 5, title: "The tenant is being moved already" },
  moveRefused: { code: "RH712", status: 409, exit: 3, title: "The tenant can't be moved as things stand" },
  moveLagging: {
    code: "RH713",
    status: 503,
    exit: 1,
    title: "The target does not keep up, and the move did not take place",
  },
  moveDiffers: { code: "RH714", status: 500, exit: 1, title: "The rows at the source and at the target differ" },
  moveBroken: { code: "RH715", status: 500, exit: 1, title: "The replication between the databases has failed" },
  moveState: { code: "RH716", status: 409, exit: 5, title: "The move is not in a state that allows this" },

  internal: { code: "RH900", status: 500, exit: 1, title: "Rowhouse failed" },
} as const satisfies Record<string, ErrorFacts>;

export type ErrorKind = keyof typeof ERRORS;
export type ErrorCode = (typeof ERRORS)[ErrorKind]["code"];

export interface ErrorOptions {
  /** What happened, for this request; the table's title when left out. */
  message?: string;
  /** Facts about this occurrence. */
  details?: string;
  /** What to do about it. */
  hint?: string;
  cause?: unknown;
}

/** A refusal: `kind` is its row in {@link ERRORS}, `code`, `status` and `exit` are copied from there. */
export class RowhouseError extends Error {
  readonly kind: ErrorKind;
  readonly code: ErrorCode;
  readonly status: number;
  readonly exit: number;
  readonly details: string | null;
  readonly hint: string | null;

  constructor(kind: ErrorKind, options: ErrorOptions = {}) {
    super(options.message ?? ERRORS[kind].title, { cause: options.cause });
    this.name = "RowhouseError";
    this.kind = kind;
    this.code = ERRORS[kind].code;
    this.status = ERRORS[kind].status;
    this.exit = ERRORS[kind].exit;
    this.details = options.details ?? null;
    this.hint = options.hint ?? null;
  }
}

const KIND_BY_CODE = new Map<string, ErrorKind>(
  Object.entries(ERRORS).map(([kind, facts]) => [facts.code, kind as ErrorKind]),
);

/** The row of {@link ERRORS} that has this code (or SQLSTATE), if any. */
export function errorKind(code: string | undefined): ErrorKind | undefined {
  return code === undefined ? undefined : KIND_BY_CODE.get(code);
}
