import { readServerVersion } from "../../db/server-version.ts";
import { RowhouseError } from "../../errors.ts";
import type { Endpoint } from "../endpoint.ts";
import { makeFinding, type MoveFinding } from "./finding.ts";

/** What a server says of its limits, its roles and what runs in it. */
export interface ServerFacts {
  /** Two databases of equal ones share slots, senders and workers. */
  readonly server: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  readonly walLevel: string;
  readonly slots: { readonly used: number; readonly most: number };
  readonly origins: { readonly used: number; readonly most: number };
  readonly senders: { readonly used: number; readonly most: number };
  readonly applyWorkers: { readonly used: number; readonly most: number };
  readonly workerProcesses: { readonly used: number; readonly most: number };
  /** Null where the server has no such setting. */
  readonly pluginLibraries: string | null;
  /** Megabytes; -1: no limit. */
  readonly slotWalLimit: number;
  /** Seconds; 0: none, or the server is older than 18. */
  readonly slotIdleLimit: number;
  readonly mover: { readonly replicates: boolean; readonly bypasses: boolean; readonly silences: boolean } | null;
  readonly prepared: readonly { readonly gid: string; readonly seconds: number }[];
  readonly transactions: readonly { readonly pid: number; readonly application: string; readonly seconds: number }[];
  readonly eventTriggers: readonly { readonly name: string; readonly event: string }[];
}

/** Longer than this, it holds up the making of a slot for everybody to notice. */
const LONG_SECONDS = 10;
const MEGABYTES_WANTED = 1024;

/** Background workers are all processes that the server itself does not start by its own name (manual, 28.2.3). */
const FACTS = `
  with activity as (select * from pg_stat_activity), setting as (
    select name, setting from pg_settings)
  select json_build_object(
    'server', (select system_identifier from pg_control_system())::text || ' ' || extract(epoch from pg_postmaster_start_time()),
    'isStandby', pg_is_in_recovery(), 'isReadOnly', current_setting('default_transaction_read_only') = 'on',
    'walLevel', current_setting('wal_level'),
    'slots', json_build_object('used', (select count(*) from pg_replication_slots), 'most', current_setting('max_replication_slots')::int),
    'origins', json_build_object('used', (select count(*) from pg_replication_origin_status),
      'most', coalesce(current_setting('max_active_replication_origins', true), current_setting('max_replication_slots'))::int),
    'senders', json_build_object('used', (select count(*) from activity where backend_type = 'walsender'),
      'most', current_setting('max_wal_senders')::int),
    'applyWorkers', json_build_object('used', (select count(*) from activity where backend_type ~ '^logical replication .*worker$'),
      'most', current_setting('max_logical_replication_workers')::int),
    'workerProcesses', json_build_object('used', (select count(*) from activity where backend_type not in ('client backend', 'walsender',
        'walreceiver', 'walwriter', 'walsummarizer', 'checkpointer', 'background writer', 'archiver', 'startup', 'autovacuum launcher',
        'autovacuum worker', 'slotsync worker', 'io worker', 'standalone backend')),
      'most', current_setting('max_worker_processes')::int),
    'pluginLibraries', current_setting('output_plugin_libraries', true),
    'slotWalLimit', (select setting::bigint from setting where name = 'max_slot_wal_keep_size'),
    'slotIdleLimit', coalesce(extract(epoch from current_setting('idle_replication_slot_timeout', true)::interval)::bigint, 0),
    'mover', (select json_build_object('replicates', rolreplication or rolsuper, 'bypasses', rolbypassrls or rolsuper,
        'silences', has_parameter_privilege(oid, 'session_replication_role', 'set')) from pg_roles where rolname = 'rowhouse_mover'),
    'prepared', (select coalesce(json_agg(json_build_object('gid', gid,
        'seconds', extract(epoch from clock_timestamp() - prepared)::int) order by prepared), '[]')
      from pg_prepared_xacts where clock_timestamp() - prepared > $1 * interval '1 second'),
    'transactions', (select coalesce(json_agg(json_build_object('pid', pid, 'application', coalesce(application_name, ''),
        'seconds', extract(epoch from clock_timestamp() - xact_start)::int) order by xact_start), '[]')
      from activity where backend_xid is not null and clock_timestamp() - xact_start > $1 * interval '1 second'),
    'eventTriggers', (select coalesce(json_agg(json_build_object('name', evtname, 'event', evtevent) order by evtname), '[]')
      from pg_event_trigger where evtenabled <> 'D' and evtevent <> 'login')
  ) as facts`;

/** @param longSeconds transactions older than that are told of */
export async function readServerFacts(
  { owner }: Pick<Endpoint, "owner">,
  longSeconds = LONG_SECONDS,
): Promise<ServerFacts> {
  const { rows } = await owner.query<{ facts: ServerFacts }>(FACTS, [longSeconds]);
  return rows[0]!.facts;
}

type Find = (code: MoveFinding["code"], object: string, problem: string, fix: string) => MoveFinding;

const setAndRestart = (name: string, value: string | number) =>
  `alter system set ${name} = ${typeof value === "string" ? `'${value}'` : value}; then restart the server.`;

function findState({ isStandby, isReadOnly, walLevel, pluginLibraries }: ServerFacts, find: Find): MoveFinding[] {
  const found: MoveFinding[] = [];
  if (isStandby) {
    const fix = "Name the primary in the database's URL.";
    found.push(find("server_is_standby", "the server", "It is a standby: nothing can be written to it.", fix));
  }
  if (isReadOnly) {
    const problem = "Transactions are read-only unless they say otherwise.";
    const fix = "alter database … reset default_transaction_read_only; and the same for roles and the server.";
    found.push(find("server_read_only", "default_transaction_read_only", problem, fix));
  }
  if (walLevel !== "logical") {
    const problem = `It is ${walLevel}: the server writes no log that a tenant's changes could be read from, there or back.`;
    found.push(find("wal_level", "wal_level", problem, setAndRestart("wal_level", "logical")));
  }
  if (pluginLibraries !== null && !pluginLibraries.split(",").some((name) => name.trim() === "pgoutput")) {
    const fix = `alter system set output_plugin_libraries = 'pgoutput'; select pg_reload_conf();`;
    found.push(find("plugin_refused", "output_plugin_libraries", "It does not list pgoutput.", fix));
  }
  return found;
}

/** One subscription is at work at a time; slots are there for both ways. */
function findRoom(facts: ServerFacts, slots: number, find: Find): MoveFinding[] {
  const originLimit =
    facts.origins.most === facts.slots.most ? "max_replication_slots" : "max_active_replication_origins";
  const rooms = [
    ["slots_full", "max_replication_slots", facts.slots, "replication slots"],
    ["origins_full", originLimit, facts.origins, "replication origins"],
    ["senders_full", "max_wal_senders", facts.senders, "senders"],
    ["apply_workers_full", "max_logical_replication_workers", facts.applyWorkers, "workers of logical replication"],
    ["worker_processes_full", "max_worker_processes", facts.workerProcesses, "background processes"],
  ] as const;
  return rooms.flatMap(([code, setting, { used, most }, what]) => {
    const need = code === "slots_full" ? slots : Math.min(1, slots);
    if (most - used >= need) return [];
    const problem = `${used} of ${most} ${what} are taken, and the move needs ${need}.`;
    return [find(code, setting, problem, setAndRestart(setting, used + need + 4))];
  });
}

function findRole({ mover }: ServerFacts, find: Find): MoveFinding[] {
  if (mover !== null && mover.replicates && mover.bypasses && mover.silences) return [];
  const problem =
    mover === null ? "It does not exist." : "It can't replicate, or is held by row-level security or triggers.";
  const fix =
    "alter role rowhouse_mover replication bypassrls; grant set on parameter session_replication_role to rowhouse_mover; or run `rowhouse migrate` with a superuser's URL.";
  return [find("mover_role", "rowhouse_mover", problem, fix)];
}

function findWaits({ prepared, transactions, eventTriggers }: ServerFacts, find: Find): MoveFinding[] {
  return [
    ...prepared.map(({ gid, seconds }) => {
      const problem = `It was prepared ${seconds} s ago and not ended: no replication slot comes about before.`;
      return find(
        "transaction_prepared",
        gid,
        problem,
        `rollback prepared '${gid}'; or commit prepared, in its database.`,
      );
    }),
    ...transactions.map(({ pid, application, seconds }) => {
      const problem = `Its transaction runs for ${seconds} s: making a replication slot waits for it.`;
      const object = application === "" ? `pid ${pid}` : `pid ${pid} (${application})`;
      return find("transaction_long", object, problem, `Let it end, or select pg_terminate_backend(${pid});`);
    }),
    ...eventTriggers.map(({ name, event }) => {
      const problem = `It fires at ${event}, also when the move makes its publication and subscription.`;
      return find("event_trigger", name, problem, `If it could refuse that: alter event trigger ${name} disable;`);
    }),
  ];
}

function findLimits({ slotWalLimit, slotIdleLimit }: ServerFacts, windowSeconds: number, find: Find): MoveFinding[] {
  const found: MoveFinding[] = [];
  if (slotWalLimit >= 0 && slotWalLimit < MEGABYTES_WANTED) {
    const problem = `At ${slotWalLimit} MB a move that falls behind loses its slot: before the cutover it copies anew, after it the way back is lost.`;
    const fix = `alter system set max_slot_wal_keep_size = '${MEGABYTES_WANTED}MB'; select pg_reload_conf(); with that much room on the disk.`;
    found.push(find("slot_wal_limit", "max_slot_wal_keep_size", problem, fix));
  }
  if (slotIdleLimit > 0 && slotIdleLimit < windowSeconds) {
    const problem = `When the other database is down for ${slotIdleLimit} s, the slot goes, and the way back with it.`;
    const fix = `alter system set idle_replication_slot_timeout = '${Math.ceil(windowSeconds / 60)}min'; select pg_reload_conf();`;
    found.push(find("slot_idle_limit", "idle_replication_slot_timeout", problem, fix));
  }
  return found;
}

/**
 * Pure: what keeps a server from being one end of a move.
 * @param slots that the move takes of it: 1, or 2 where both ends are databases of one server; 0: it is looked at as the other end
 */
export function judgeServer(database: string, facts: ServerFacts, slots: number, windowSeconds: number): MoveFinding[] {
  const find: Find = (code, object, problem, fix) => makeFinding(code, database, object, problem, fix);
  return [
    ...findState(facts, find),
    ...findRoom(facts, slots, find),
    ...findRole(facts, find),
    ...findWaits(facts, find),
    ...findLimits(facts, windowSeconds, find),
  ];
}

/** Without these, there is nothing more to ask a server for. */
export async function checkAccess({ owner, name }: Pick<Endpoint, "owner" | "name">): Promise<MoveFinding[]> {
  try {
    await readServerVersion(owner);
  } catch (error) {
    if (!(error instanceof RowhouseError)) throw error;
    return [makeFinding("server_too_old", name, "the server", `${error.message}.`, error.hint ?? "")];
  }
  const { rows } = await owner.query<{ role: string; is_superuser: boolean }>(
    "select rolname as role, rolsuper as is_superuser from pg_roles where rolname = current_user",
  );
  const { role, is_superuser: isSuperuser } = rows[0]!;
  if (isSuperuser) return [];
  const problem = "It is no superuser: a move makes slots, sets sequences, and has subscriptions applied as that user.";
  const fix = `alter role ${role} superuser; or name a superuser in the database's URL. Then look again: more may be found.`;
  return [makeFinding("owner_role", name, role, problem, fix)];
}

/** What keeps the two servers from taking part, nothing of which is about tables. */
export async function checkServers(source: Endpoint, target: Endpoint, windowSeconds: number): Promise<MoveFinding[]> {
  const [here, there] = await Promise.all([readServerFacts(source), readServerFacts(target)]);
  const isOne = here.server === there.server;
  const findings = judgeServer(source.name, here, isOne ? 2 : 1, windowSeconds);
  // Of one server, everything has been said but what differs by database.
  const other = judgeServer(target.name, there, isOne ? 0 : 1, windowSeconds);
  const said = new Set(findings.map(({ code, object }) => `${code} ${object}`));
  return [...findings, ...other.filter(({ code, object }) => !isOne || !said.has(`${code} ${object}`))];
}
