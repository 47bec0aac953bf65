import type { z } from "zod";
import type { OperatorPermission } from "../../auth/operator-permissions.ts";
import type { Operator } from "../../auth/operators.ts";
import type { Visitor } from "../../auth/sessions.ts";

/** What an operation is given. */
export interface Call<Query = unknown, Body = unknown> {
  /** The parts of the path that its pattern names. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Who asks; of an operation without permission nobody. */
  readonly operator: Operator | null;
  readonly sessionId: string | null;
  /** For the audit trail. */
  readonly actor: string;
  readonly visitor: Visitor;
  readonly requestId: string;
}

export interface Answer {
  /** The operation's when left out. */
  readonly status?: number;
  /** Left out for an answer without a body. */
  readonly body?: unknown;
  /** Of a page that more follows: `after` of the next one. */
  readonly next?: string;
  /** Path of what was made. */
  readonly location?: string;
}

interface Facts {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Under /platform/v1; `:name` is a part that varies. */
  readonly path: string;
  /** Section of the description. */
  readonly tag: string;
  readonly summary: string;
  /** Null: without a token. `any`: for every operator. */
  readonly permission: OperatorPermission | "any" | null;
  /** Of success; 200 when left out. */
  readonly status?: number;
  /** Shape of the answer's body; left out for 204. */
  readonly answer?: z.ZodType;
  /** Members of the answer that are shown once, and not given again to a repeated Idempotency-Key. */
  readonly secrets?: readonly string[];
}

/** One entry of the platform API: what it takes, who may ask, and what it does. The description of the API is made of it. */
export interface Operation extends Facts {
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly handle: (call: Call) => Promise<Answer>;
}

interface Definition<Q extends z.ZodObject, B extends z.ZodType> extends Facts {
  readonly query?: Q;
  readonly body?: B;
  readonly handle: (call: Call<z.output<Q>, z.output<B>>) => Promise<Answer>;
}

/** Keeps what `query` and `body` are parsed to together with the function that gets it. */
export function operation<Q extends z.ZodObject, B extends z.ZodType>(definition: Definition<Q, B>): Operation {
  return definition as unknown as Operation;
}
