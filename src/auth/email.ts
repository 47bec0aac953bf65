import { RowhouseError } from "../errors.ts";

const ADDRESS = /^[^@\s\p{C}]{1,64}@[^@\s\p{C}]+$/u;

/**
 * An e-mail address as it is kept: lower case, so that two ways to write it are one account. Whether it exists only a mail can tell.
 * @throws RowhouseError bodyInvalid
 */
export function readEmail(given: unknown): string {
  const text = typeof given === "string" ? given.trim().toLowerCase() : "";
  if (text.length <= 254 && ADDRESS.test(text)) return text;
  throw new RowhouseError("bodyInvalid", { message: "Unable to validate email address: invalid format" });
}
