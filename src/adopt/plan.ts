import { RowhouseError } from "../errors.ts";
import { planColumns } from "./columns.ts";
import type { AdoptFinding } from "./finding.ts";
import { planForeignKeys } from "./foreign-keys.ts";
import { planInheritance } from "./inheritance.ts";
import { planKeys } from "./keys.ts";
import { planOwners } from "./owners.ts";
import { planProtection } from "./protection.ts";
import type { Wish } from "./read-schema.ts";
import { planRoutines } from "./routines.ts";
import { planRules } from "./rules.ts";
import type { Schema, Table } from "./schema.ts";
import { literal, type Planned, type Step } from "./step.ts";
import { planViews } from "./views.ts";

/** What turns the schema into one that carries tenants: the steps of the migration, and what a person has to look at. */
export interface AdoptPlan extends Planned {
  readonly wish: Wish;
  /** Tables that get tenant_id, without partitions. */
  readonly tables: readonly string[];
  readonly views: number;
  readonly routines: number;
  /** Bytes of the tables with their indexes, a hint for how long the migration takes. */
  readonly bytes: number;
}

/** A column of this name means something already, and only the team knows what. */
function refuseTaken(tables: readonly Table[]): void {
  const taken = tables.filter(({ tenantColumn, hasRowKey }) => tenantColumn !== null || hasRowKey);
  if (taken.length === 0) return;
  throw new RowhouseError("adoptUnfit", {
    message: `A column of Rowhouse's name is there already: ${taken.map(({ identifier }) => identifier).join(", ")}`,
    details: taken
      .map(
        ({ identifier, tenantColumn }) =>
          `${identifier} has ${tenantColumn === null ? "tenant_row_id" : `tenant_id ${tenantColumn}`}`,
      )
      .join("\n"),
    hint: `Rename it first: alter table ${taken[0]!.identifier} rename column ${taken[0]!.tenantColumn === null ? "tenant_row_id" : "tenant_id"} to …`,
  });
}

function planSchemas({ schemas, server }: Schema, { served }: Wish): Step[] {
  const fresh = schemas.filter(({ registered }) => !registered);
  const usage = server.extensionSchemas;
  const steps: Step[] = [];
  if (fresh.length > 0) {
    steps.push({
      title: "From here on every table of the schema has to be protected",
      up: fresh.map(
        ({ name }) => `select platform.add_schema(${literal(name)}${served.includes(name) ? "" : ", false"});`,
      ),
      down: fresh.map(({ name }) => `select platform.remove_schema(${literal(name)});`),
    });
  }
  if (usage.length > 0 && fresh.length > 0) {
    steps.push({
      title: "Types of extensions are looked up in their schemas",
      up: usage.map(
        (name) =>
          `do $$ begin set local role none; grant usage on schema ${name} to rowhouse_owner, rowhouse_api, rowhouse_exporter, rowhouse_importer; set local role rowhouse_owner; end $$;`,
      ),
      down: [],
    });
  }
  return steps;
}

/** A foreign table can have no policies: requests must not find it. */
function planForeignTables({ foreignTables }: Schema): Planned {
  if (foreignTables.length === 0) return { steps: [], findings: [] };
  const step: Step = {
    title: "Foreign tables can have no policies, so they move to where requests have no right",
    up: [
      "create schema if not exists rowhouse_aside;",
      ...foreignTables.map((name) => `alter foreign table ${name} set schema rowhouse_aside;`),
    ],
    down: [], // they are out of the way of whatever comes
  };
  const findings = foreignTables.map((name): AdoptFinding => ({
    level: "error",
    kind: "foreign-table",
    object: `foreign table ${name}`,
    reason:
      "It was moved to the schema rowhouse_aside, where requests find nothing: row-level security does not apply to it.",
    line: "-- copy what a tenant needs of it into a table with tenant_id",
  }));
  return { steps: [step], findings };
}

function findOfServer({ server }: Schema): AdoptFinding[] {
  const triggers = server.eventTriggers.map((name): AdoptFinding => ({
    level: "info",
    kind: "event-trigger",
    object: `event trigger ${name}`,
    reason: "It belongs to the whole database and was left alone; it sees what this migration does.",
    line: "",
  }));
  const publications = server.publications.map((name): AdoptFinding => ({
    level: "error",
    kind: "publication",
    object: `publication ${name}`,
    reason: "It was left alone, and sends the rows of all tenants to whoever subscribes.",
    line: `drop publication ${name}; -- or give each of its tables a row filter by tenant_id`,
  }));
  return [...publications, ...triggers];
}

/** Once, and only where a constraint could be waiting for the end of the transaction: PostgreSQL alters no table with such rows. */
const PROLOGUE: Step = {
  title: "Whatever was put off is checked now",
  up: ["set constraints all immediate;"],
  down: [],
};

/**
 * Plans the conversion of what is not converted yet. Pure.
 * @throws RowhouseError adoptUnfit where a table has a column tenant_id of its own
 */
export function planAdoption(schema: Schema, wish: Wish): AdoptPlan {
  const tables = schema.tables.filter(({ isProtected }) => !isProtected);
  const whole = tables.filter(({ isPartition }) => !isPartition);
  refuseTaken(whole);
  const byOid = new Map(tables.map((table) => [table.oid, table]));
  const keys = planKeys(schema, byOid);
  const foreignKeys = planForeignKeys(schema, byOid);
  const needsKey = whole.filter(({ oid, hasPrimaryKey }) => !hasPrimaryKey || keys.lost.has(oid));
  const columns = planColumns(tables, needsKey, wish.tenant);
  const views = planViews(schema, new Set(byOid.keys()));
  const rules = planRules(schema, tables);
  const inheritance = planInheritance(tables);
  const routines = planRoutines(schema, whole);
  const owners = planOwners(schema);
  const foreignTables = planForeignTables(schema);
  const protection = planProtection(schema, tables);
  const conversion: Step[] = [
    ...owners.steps,
    ...planSchemas(schema, wish),
    ...foreignTables.steps,
    ...rules.steps,
    ...inheritance.steps,
    ...views.before,
    ...routines.before,
    ...foreignKeys.before,
    ...keys.before,
    ...columns.steps,
    ...keys.after,
    ...foreignKeys.after,
    ...protection.steps,
    ...views.steps,
    ...routines.steps,
    ...(columns.guard === null ? [] : [columns.guard]),
  ];
  return {
    wish,
    steps: conversion.length === 0 ? [] : [PROLOGUE, ...conversion],
    findings: [
      ...owners.findings,
      ...foreignTables.findings,
      ...rules.findings,
      ...inheritance.findings,
      ...foreignKeys.findings,
      ...keys.findings,
      ...columns.findings,
      ...protection.findings,
      ...views.findings,
      ...routines.findings,
      ...(conversion.length === 0 ? [] : findOfServer(schema)),
    ],
    tables: whole.map(({ identifier }) => identifier),
    views: schema.views.length,
    routines: schema.routines.length,
    bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
