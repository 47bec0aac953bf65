import type { Catalog } from "../catalog/catalog.ts";
import { RowhouseError } from "../errors.ts";
import type { RestContext } from "./context.ts";
import type { RestRequest } from "./request/request.ts";
import type { RestAnswer } from "./response/response.ts";

/** `/rpc/<name>`: calls a function. */
export function answerCall(
  _request: RestRequest,
  _name: string,
  _catalog: Catalog,
  _context: RestContext,
): Promise<RestAnswer> {
  throw new RowhouseError("featureUnsupported", { message: "Calling functions (/rpc) is not supported yet" });
}
