import { Readable } from "node:stream";
import { createTransport } from "nodemailer";
import type { Letter, Outcome } from "./letter.ts";

/** A way to send letters. */
export interface Courier {
  /**
   * Never rejects.
   * @param onSending called once the server has let us in, before anything of the letter goes out; false holds it back
   */
  send(letter: Letter, onSending: () => Promise<boolean>): Promise<Outcome>;
  close(): void;
}

export interface CourierOptions {
  /** SMTP_URL */
  readonly url: string;
  /** MAIL_FROM */
  readonly from: string;
  /** Right of the @ in message ids. */
  readonly domain: string;
}

interface SmtpError extends Error {
  readonly code?: string;
  /** What the server was told last; `DATA` from when the text went out. */
  readonly command?: string;
  /** Of the server's reply; none when the connection broke. */
  readonly responseCode?: number;
}

/** A reply of the server is its word (RFC 5321 4.2.1); without one, after the text has gone out, nobody knows. */
function judge(error: SmtpError, isUnderWay: boolean): Outcome {
  const { message, responseCode } = error;
  if (responseCode !== undefined) {
    // 5yz: don't try the same again. Of the login it is our mistake, which an operator may correct.
    const isFinal = responseCode >= 500 && error.code !== "EAUTH";
    return { kind: "refused", error: message, isFinal };
  }
  return isUnderWay ? { kind: "doubtful", error: message } : { kind: "refused", error: message, isFinal: false };
}

class HeldBack extends Error {}

/** @throws Error for an URL that is none */
export function openCourier({ url, from, domain }: CourierOptions): Courier {
  const parsed = new URL(url);
  const transport = createTransport({
    host: parsed.hostname.replaceAll(/^\[|\]$/g, ""),
    port: Number(parsed.port) || (parsed.protocol === "smtps:" ? 465 : 587),
    secure: parsed.protocol === "smtps:",
    ...(parsed.username !== "" && {
      auth: { user: decodeURIComponent(parsed.username), pass: decodeURIComponent(parsed.password) },
    }),
    connectionTimeout: 30_000,
    greetingTimeout: 30_000,
    socketTimeout: 60_000,
    // Letters are ours, text and page: nothing is fetched and no file is read for them.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const compose = createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  return {
    send: async (letter, onSending) => {
      let isUnderWay = false;
      let isOver = false;
      let marking: Promise<boolean> = Promise.resolve(false);
      try {
        const { message, envelope } = await compose.sendMail({
          from,
          to: { name: "", address: letter.to },
          subject: letter.subject,
          text: letter.text,
          html: letter.html,
          // The same at every try: a server that gets it twice can know it.
          messageId: `<${letter.id}@${domain}>`,
          date: new Date(letter.createdAt),
          headers: { "Auto-Submitted": "auto-generated" }, // RFC 3834
          disableFileAccess: true,
          disableUrlAccess: true,
        });
        const raw = Readable.from(
          (async function* () {
            // nodemailer reads ahead while it still talks about sender and recipient, and may be done by now.
            if (isOver) return;
            marking = onSending();
            if (!(await marking)) throw new HeldBack("Somebody else has it");
            isUnderWay = true;
            yield message as Buffer;
          })(),
        );
        await transport.sendMail({ envelope: { from: envelope.from || false, to: envelope.to }, raw });
        return { kind: "sent" };
      } catch (error) {
        isOver = true;
        await marking.catch(() => {}); // so that nothing is noted after the outcome
        return judge(error as SmtpError, isUnderWay);
      }
    },
    close: () => transport.close(),
  };
}
