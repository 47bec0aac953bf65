import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { RowhouseError } from "../errors.ts";

/**
 * Asks for a secret on the terminal, which does not show it.
 * @param otherwise how to give it where there is no terminal
 * @throws RowhouseError usage without a terminal
 */
export async function askSecret(question: string, otherwise: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new RowhouseError("usage", { message: `${question}: there is no terminal to ask on`, hint: otherwise });
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(`${question}: `);
  try {
    return await new Promise<string>((resolve, reject) => {
      reader.once("line", resolve);
      // The reader has the terminal in raw mode, where Ctrl-C is a key like another.
      reader.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
      reader.once("close", () => reject(new RowhouseError("usage", { message: `${question}: nothing was typed` })));
    });
  } finally {
    reader.close();
    process.stderr.write("\n");
  }
}
