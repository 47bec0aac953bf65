import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { RowhouseError } from "../errors.ts";
import { askSecret } from "./prompt.ts";

export interface PasswordOptions {
  readonly passwordStdin?: boolean;
  readonly generate?: boolean;
}

export interface NewPassword {
  readonly password: string;
  /** Made here, and so to be shown this once. */
  readonly isGenerated: boolean;
}

/** Never an argument: those stand in the shell's history and in the list of processes. */
export async function readNewPassword(options: PasswordOptions): Promise<NewPassword> {
  if (options.generate === true && options.passwordStdin === true)
    throw new RowhouseError("usage", { message: "--generate and --password-stdin exclude each other" });
  if (options.generate === true) return { password: randomBytes(18).toString("base64url"), isGenerated: true };
  const password =
    options.passwordStdin === true
      ? (await text(process.stdin)).replace(/\r?\n$/, "")
      : await askSecret("New password", "--password-stdin reads it from stdin, --generate makes one");
  return { password, isGenerated: false };
}
