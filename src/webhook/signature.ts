import { createHmac, randomBytes } from "node:crypto";

/** 256 bits; the specification wants 192 to 512. */
export const newSecret = () => randomBytes(32);

/** As libraries of Standard Webhooks take it. */
export const formatSecret = (secret: Buffer) => `whsec_${secret.toString("base64")}`;

/** What is signed and how it is told: Standard Webhooks 1.0.0, "Webhook signatures". */
export interface SignedMessage {
  readonly id: string;
  /** Seconds since 1970, of this try: a receiver refuses what is minutes old. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The headers of a signed delivery. Pure.
 * @param secrets one signature for each: during a rotation the receiver's is among them, whether it has the new one yet or not
 */
export function signHeaders(
  { id, timestamp, body }: SignedMessage,
  secrets: readonly Buffer[],
): Readonly<Record<string, string>> {
  const signatures = secrets.map(
    (secret) => `v1,${createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64")}`,
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.join(" "),
  };
}
