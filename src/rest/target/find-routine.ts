import type { Catalog, Parameter, Routine } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { RAW_TYPES } from "../request/arguments.ts";
import type { CallRequest } from "../request/call.ts";
import { suggest } from "./suggestion.ts";

const JSON_TYPE = "application/json";

/** Types that the one unnamed parameter of a function may have, by the media type of the body that it takes. */
function takesBody({ parameters: [only, ...more] }: Routine, { isPost, contentType }: CallRequest): boolean {
  if (!isPost || only === undefined || more.length > 0 || only.name !== "") return false;
  if (contentType === JSON_TYPE) return only.type === "json" || only.type === "jsonb";
  return only.type === RAW_TYPES.get(contentType);
}

/** Whether the arguments are all of the function's, and all that it must have are among them. */
function takesArguments({ parameters }: Routine, { isPost, contentType, keys }: CallRequest): boolean {
  if (parameters.length === 0) return keys.length === 0 && !(isPost && RAW_TYPES.has(contentType));
  const names = new Set(parameters.map(({ name }) => name));
  const isNeeded = ({ name, isRequired }: Parameter) => isRequired && !keys.includes(name);
  return keys.every((key) => names.has(key)) && !parameters.some(isNeeded);
}

const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other));

/** Fewest parameters first, and then by their names and types: the order in which a refusal lists them. */
function inOrder(one: Routine, other: Routine): number {
  const text = ({ parameters }: Routine) => parameters.map(({ name, type }) => `${name}\0${type}`).join("\0");
  return one.parameters.length - other.parameters.length || compare(text(one), text(other));
}

function refuseAmbiguous(found: readonly Routine[]): never {
  const list = found.toSorted(inOrder).map(({ schema, name, parameters }) => {
    return `${schema}.${name}(${parameters.map((parameter) => `${parameter.name} => ${parameter.type}`).join(", ")})`;
  });
  throw new RowhouseError("routineAmbiguous", {
    message: `Could not choose the best candidate function between: ${list.join(", ")}`,
    hint: "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
  });
}

/** `(a, b)`: what one names a set of parameters by when looking for the nearest. */
function listOf(names: readonly string[]): string {
  return `(${names.toSorted().join(", ")})`;
}

function hintFor({ schema, routines }: Catalog, name: string, keys: readonly string[]): string | undefined {
  const overloads = routines.get(name) ?? [];
  const lists = overloads.map(({ parameters }) => listOf(parameters.map((parameter) => parameter.name)));
  const near = overloads.length === 0 ? suggest(name, routines.keys(), 0.75) : suggest(listOf(keys), lists, 0.33);
  if (near === undefined) return undefined;
  return `Perhaps you meant to call the function ${schema}.${overloads.length === 0 ? near : name + near}`;
}

/** PostgREST's words, which its users know. */
function refuseUnknown(catalog: Catalog, { name, isPost, contentType, keys }: CallRequest): never {
  const routine = `${catalog.schema}.${name}`;
  const raw = isPost ? RAW_TYPES.get(contentType) : undefined;
  const none = " without parameters";
  const named = keys.length === 0 ? none : ` with parameter${keys.length > 1 ? "s" : ""} ${keys.join(", ")}`;
  const orJson = isPost && contentType === JSON_TYPE ? " or with a single unnamed json/jsonb parameter" : "";
  const searched = raw === undefined ? `${named}${orJson}` : ` with a single unnamed ${raw} parameter`;
  const shown = raw !== undefined ? "" : keys.length === 0 ? none : `(${keys.join(", ")})`;
  throw new RowhouseError("routineUnknown", {
    message: `Could not find the function ${routine}${shown} in the schema cache`,
    details: `Searched for the function ${routine}${searched}, but no matches were found in the schema cache.`,
    hint: raw === undefined ? hintFor(catalog, name, keys) : undefined,
  });
}

/**
 * The function that a call means, by its name and by the names of its arguments; where none fits, the one that takes the whole body
 * (PostgREST, Functions).
 * @throws RowhouseError routineUnknown, routineAmbiguous
 */
export function findRoutine(catalog: Catalog, call: CallRequest): Routine {
  const overloads = catalog.routines.get(call.name) ?? [];
  const named = overloads.filter((routine) => takesArguments(routine, call));
  const found =
    named.length > 0 ? named : overloads.filter((routine) => !named.includes(routine) && takesBody(routine, call));
  const [first] = found;
  if (first === undefined) return refuseUnknown(catalog, call);
  return found.length > 1 ? refuseAmbiguous(found) : first;
}
