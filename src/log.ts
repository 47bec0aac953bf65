import { pino, type Logger } from "pino";

export type Log = Logger;

/** Paths that may hold a secret: they are logged as `[redacted]`, whoever logs the object (ASVS 16.2.5). */
const SECRETS = [
  "authorization",
  "cookie",
  "apikey",
  "token",
  "password",
  "secret",
  "headers.authorization",
  "headers.cookie",
  "headers.apikey",
  "req.headers.authorization",
  "req.headers.cookie",
  "req.headers.apikey",
  "err.config",
];

/**
 * One JSON line per event, on stderr: stdout is for data.
 * @param level a pino level, or `silent`
 */
export function openLog(level: string): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS, censor: "[redacted]" },
    },
    pino.destination({ fd: 2, sync: false }),
  );
}
