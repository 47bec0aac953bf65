import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { leafCommands, nameOf, program } from "../../scripts/reference-commands.ts";
import { DEFAULT_SETTINGS } from "../../src/move/move.ts";
import { insertMove } from "../../src/move/store.ts";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let fresh: TestDatabase;
let folder: string;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  await db.dedicated("big1");
  const { id: tenantId, slug, epoch } = await db.tenant("initech");
  const wanted = { tenantId, slug, from: "shared", to: "big1", epoch, settings: DEFAULT_SETTINGS };
  await insertMove(db.platform, wanted, "operator:test");
  for (const [index, id] of ASKED.entries()) {
    await db.admin.query(
      "insert into platform.demo_requests (id, email, name, company) values ($1, 'ann' || $2 || '@print.example', 'Ann', 'Print')",
      [id, index],
    );
  }
  await db.admin.query(
    `insert into platform.outbox (id, tenant_id, kind, to_address, subject, text, html, dedupe_key)
     select $1, id, 'invitation', 'ann@print.example', '', '', '', 'x' from platform.tenants where slug = 'acme'`,
    [ASKED[0]],
  );
  await db.admin.query(
    "insert into platform.webhooks (id, url, secret) values ($1, 'https://hooks.example.com/', sha256('x'))",
    [ASKED[0]],
  );
  await db.admin.query(
    "insert into platform.operators (email, role, password) values ('ann@ops.example', 'support', '$scrypt$none'), ('owner@ops.example', 'owner', '$scrypt$none')",
  );
  await db.admin.query(
    "insert into platform.domains (name, kind, tenant_id, challenge, verified_at) select 'proved.example', 'custom', id, 'x', now() from platform.tenants where slug = 'acme'",
  );
  folder = await mkdtemp(join(tmpdir(), "rowhouse-json-"));
  fresh = await testDatabase("empty");
  await writeFile(join(folder, "big2.url"), fresh.url);
  rowhouse = runOn(db.url, { ROWHOUSE_APP: SALES });
});
afterAll(async () => {
  await fresh.close();
  await db.close();
  await rm(folder, { recursive: true });
});

const TENANT = ["id", "slug", "name", "status", "epoch", "movedTo", "createdAt"];
const DATABASE = ["name", "kind", "secretRef", "address", "peer"];
const DOMAIN = ["name", "kind", "tenantId", "tenant", "isPrimary", "verifiedAt", "record"];
const PLAN = ["name", "title", "limits", "features", "isDefault", "createdAt"];
const DEMO =
  "id email name company slug industry size locations message status tenantId decidedAt decidedBy note createdAt".split(
    " ",
  );
const OPERATOR = ["id", "email", "name", "role", "isActive", "lastSignInAt", "createdAt"];
const USER = "id email name role isActive hasPassword custom confirmedAt lastSignInAt createdAt updatedAt".split(" ");
const ISSUER =
  "id tenantId issuer kind jwksUrl audience roleClaim roles defaultRole allowsOwner users isActive createdAt".split(
    " ",
  );
const API_KEY = "id name prefix role scopes createdBy createdAt expiresAt revokedAt lastUsedAt replaces".split(" ");
const ROLE = ["name", "description", "permissions", "users", "createdAt"];
const SETTING = ["name", "value", "isPublic", "updatedAt"];
const FLAG = ["name", "isEnabled", "payload", "updatedAt"];
const LOCATION = ["code", "name", "address", "isActive", "updatedAt"];
const TRAIL = "id at action actor role table rowId before after requestId details".split(" ");
const MAIL = "id tenant kind to subject state attempts error createdAt sentAt".split(" ");
const WEBHOOK =
  "id url description events isActive failingSince disabledAt disabledReason rotatingUntil createdAt updatedAt".split(
    " ",
  );
const DELIVERY =
  "id webhookId eventId type tenantId sequence state attempts triedAt nextAt deliveredAt failedAt status response error createdAt".split(
    " ",
  );
const ASKED = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"];
const KEY = ["kid", "alg", "publicJwk", "createdAt", "retiredAt", "acceptedUntil"];
const ARCHIVE = ["event", "path", "tables", "rows", "rawBytes"];
const MOVE =
  "id tenantId slug from to lives state isRollback epoch settings attempts observeUntil facts error actor createdAt updatedAt finishedAt".split(
    " ",
  );
const each = (keys: string[]) => [keys];

/** What each command answers with, in an order in which each finds what it needs. Fields may be added, never renamed. */
const ANSWERS: [command: string, args: string, keys: string[] | string[][]][] = [
  ["migrate", "", ["platform", "app", "fake"]],
  ["tenant create", "hooli", [...TENANT, "url", "created", "domain"]],
  ["tenant list", "", each([...TENANT, "database", "url"])],
  ["tenant show", "hooli", [...TENANT, "database", "url", "tables"]],
  ["tenant suspend", "hooli", TENANT],
  ["tenant activate", "hooli", TENANT],
  ["tenant rename", "hooli --name Hooli", [...TENANT, "url"]],
  ["database add", "big2 --url-from file:FOLDER/big2.url", [...DATABASE, "created", "applied"]],
  ["database list", "", each([...DATABASE, "tenants"])],
  [
    "database test",
    "shared",
    each(["name", "kind", "address", "postgresql", "schema", "latencyMs", "bytes", "tenants", "version", "problems"]),
  ],
  ["database remove", "big2", DATABASE],
  ["domain add", "hooli hooli.example", DOMAIN],
  ["domain verify", "hooli hooli.example --trust", DOMAIN],
  ["domain list", "hooli", each(DOMAIN)],
  ["domain recheck", "acme --resolver 127.0.0.1:1", each(["name", "tenant", "state", "details", "removed"])],
  ["domain primary", "hooli hooli.example", DOMAIN],
  ["domain remove", "hooli hooli.example", DOMAIN],
  ["plan set", "team --limit users=10", PLAN],
  ["plan list", "", each(PLAN)],
  ["plan assign", "hooli team", ["tenant", "plan", "status", "limits", "features", "trialEndsAt", "renewsAt"]],
  ["plan remove", "team", PLAN],
  ["demo list", "", each(DEMO)],
  ["demo approve", `${ASKED[0]} --slug printers`, ["request", "tenant"]],
  ["demo decline", ASKED[1]!, DEMO],
  ["webhook add", "https://93.184.215.14/rowhouse --event tenant.created", [...WEBHOOK, "secret"]],
  ["webhook list", "", each(WEBHOOK)],
  ["webhook update", `${ASKED[0]} --description Billing --off`, WEBHOOK],
  ["webhook rotate", ASKED[0]!, [...WEBHOOK, "secret"]],
  ["webhook ping", ASKED[0]!, DELIVERY],
  ["webhook deliveries", ASKED[0]!, each(DELIVERY)],
  ["webhook redeliver", ASKED[0]!, ["count"]],
  ["webhook remove", ASKED[0]!, WEBHOOK],
  ["user add", "hooli ann@hooli.example --role admin --generate", [...USER, "password"]],
  ["user invite", "hooli bea@hooli.example --role member", USER],
  ["user list", "hooli", each(USER)],
  ["issuer add", "hooli billing --audience app", ["tenant", ...ISSUER, "secret"]],
  ["issuer list", "hooli", each(ISSUER)],
  ["issuer update", "hooli billing --users match", ["tenant", ...ISSUER]],
  ["issuer link", "hooli billing ann@hooli.example subject-1", ["tenant", "user", "issuer", "subject"]],
  ["issuer test", "hooli billing", ["tenant", "issuer", "keys", "principal"]],
  ["issuer remove", "hooli billing", ["tenant", ...ISSUER]],
  ["user role", "hooli bea@hooli.example viewer", USER],
  ["user deactivate", "hooli bea@hooli.example", USER],
  ["user activate", "hooli bea@hooli.example", USER],
  ["user password", "hooli ann@hooli.example --generate", [...USER, "password"]],
  ["role create", "hooli clerk --description Enters", ROLE],
  ["role grant", "hooli clerk customers select,insert", ROLE],
  ["role list", "hooli", each(ROLE)],
  ["role show", "hooli clerk", ROLE],
  ["role revoke", "hooli clerk customers insert", ROLE],
  ["role delete", "hooli clerk", ["tenant", "role", "deleted"]],
  ["setting set", "hooli theme 1 --public", SETTING],
  ["setting list", "hooli", each(SETTING)],
  ["setting remove", "hooli theme", ["tenant", "name", "removed"]],
  ["flag set", "hooli beta on", FLAG],
  ["flag list", "hooli", each(FLAG)],
  ["flag remove", "hooli beta", ["tenant", "name", "removed"]],
  ["location set", "hooli B2 --name Branch", LOCATION],
  ["location list", "hooli", each(LOCATION)],
  ["location remove", "hooli B2", ["tenant", "code", "removed"]],
  ["key create", "hooli --name till --scope customers=select", [...API_KEY, "key"]],
  ["key list", "hooli", ["public", "keys"]],
  ["key rotate", "hooli till --overlap 0s", [...API_KEY, "key"]],
  ["key create", "hooli --name report --role viewer", [...API_KEY, "key"]],
  ["key revoke", "hooli report", API_KEY],
  ["mail list", "", each(MAIL)],
  ["mail show", ASKED[0]!, [...MAIL, "text", "html"]],
  ["operator invite", "bob@ops.example --role billing", ["token", "email", "role", "expiresAt", "link"]],
  ["operator list", "", each(OPERATOR)],
  ["operator role", "ann@ops.example billing", OPERATOR],
  ["operator deactivate", "ann@ops.example", OPERATOR],
  ["operator activate", "ann@ops.example", OPERATOR],
  ["mail resend", ASKED[0]!, ["id", "resent"]],
  ["audit", "hooli", each(["id", "at", "action", "outcome", "actor", "tenantId", "requestId", "details"])],
  ["audit", "--tenant hooli --since 1h", each(TRAIL)],
  ["purge", "hooli --audit", ["event", "tenants", "events"]],
  ["token", "hooli", ["token", "tenant", "tenantId", "role", "sub", "expiresAt"]],
  ["keys rotate", "", KEY],
  ["keys list", "", each(KEY)],
  ["keys secret", "hooli", ["tenant", "secret", "alg", "issuer", "tenantId", "audience"]],
  ["keys archive", "", ["text", "fingerprint", "alg"]],
  ["adopt", "--schema app --dry-run", ["file", "schemas", "tenant", "tables", "views", "routines", "findings"]],
  ["types", "", ["schemas", "relations", "functions", "types"]],
  ["types", "--out FOLDER/database.ts", ["schemas", "relations", "functions", "path"]],
  [
    "export",
    "hooli -o FOLDER/hooli.rowhouse",
    [...ARCHIVE, "format", "bytes", "seconds", "encrypted", "signed", "manifest"],
  ],
  ["verify", "FOLDER/hooli.rowhouse", [...ARCHIVE, "bytes", "encrypted", "signature", "manifest"]],
  [
    "inspect",
    "FOLDER/hooli.rowhouse",
    ["path", "tables", "rows", "rawBytes", "bytes", "encrypted", "signature", "manifest"],
  ],
  [
    "restore",
    "FOLDER/hooli.rowhouse --as hooli-2",
    [...ARCHIVE, "tenant", "created", "seconds", "domainsLeft", "ran", "signature"],
  ],
  [
    "restore",
    "FOLDER/hooli.rowhouse --dry-run",
    ["event", "path", "dryRun", "tenant", "inserts", "updates", "deletes", "changes", "ran", "signature"],
  ],
  ["clone", "hooli hooli-3", ["event", "from", "tenant", "masked", "seconds", "tables", "rows", "rawBytes"]],
  ["diff", "hooli hooli-3", ["event", "first", "second", "tables", "onlyFirst", "onlySecond", "equal"]],
  ["promote", "globex --to big1", ["event", "moved", "move"]],
  ["moves list", "", each(MOVE)],
  ["moves show", "globex", [...MOVE, "isRunning", "resources", "events"]],
  ["moves rollback", "globex", ["event", "move"]],
  ["moves resume", "globex --finish", ["event", "move"]],
  ["moves resume", "--due", ["event", "finished", "failed"]],
  ["move", "globex --to big1 --dry-run", ["plan", "errors", "warnings", "findings"]],
  ["demote", "globex", ["event", "moved", "move"]],
  ["moves abort", "initech", ["event", "move"]],
  ["purge", "globex --older-than 30d --dry-run", ["event", "tenant", "before", "dryRun", "rows", "tables"]],
  ["check", "--prove", ["errors", "warnings", "findings"]],
  ["doctor", "", ["errors", "warnings", "facts"]],
  ["tenant delete", "hooli --yes", ["slug", "rows", "tables", "receipt", "signature"]],
];

test("every command is in the table; serve has a test of its own", () => {
  const all = leafCommands(program).map((command) => nameOf(command).replace("rowhouse ", ""));
  expect([...new Set(ANSWERS.map(([command]) => command))].toSorted()).toEqual(
    all.filter((name) => name !== "serve").toSorted(),
  );
});

test.each(ANSWERS)("%s %s --json", async (command, args, keys) => {
  const words = `${command} ${args}`.trim().replace("FOLDER", folder).split(" ");
  const { code, stderr, lines } = await rowhouse(...words, "--json", "--quiet");
  expect([code, stderr.replace(/^warning: .*\n/gm, "")]).toEqual([0, ""]);
  const answer: unknown = lines().at(-1);
  const [one, wanted] = Array.isArray(keys[0]) ? [(answer as unknown[])[0], keys[0]] : [answer, keys];
  expect(Object.keys(one as object).toSorted()).toEqual([...(wanted as string[])].toSorted());
});
