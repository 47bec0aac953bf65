const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const VALUES = new Map(DIGITS.split("").map((digit, value) => [digit, BigInt(value)]));

/** Bytes as one number in base 62, padded to `length` characters. Pure. */
export function toBase62(bytes: Uint8Array, length: number): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  while (text.length < length) {
    text = DIGITS[Number(rest % 62n)]! + text;
    rest /= 62n;
  }
  return text;
}

/** The reverse. Pure. @returns null for another character, or a number that needs more bytes */
export function fromBase62(text: string, bytes: number): Buffer | null {
  let number = 0n;
  for (const digit of text) {
    const value = VALUES.get(digit);
    if (value === undefined) return null;
    number = number * 62n + value;
  }
  const hex = number.toString(16).padStart(bytes * 2, "0");
  return hex.length > bytes * 2 ? null : Buffer.from(hex, "hex");
}
