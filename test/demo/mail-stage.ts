import { testDatabase, type TestDatabase } from "../harness.ts";
import { startServerProcess, type ServerProcess } from "../http/process.ts";
import { openSmtpSink, type SmtpSink } from "../mail/smtp-sink.ts";
import { openWire, type Wire } from "./wire.ts";

/** A database with a wire to it, a mail server, and a server process that sends by it. */
export interface MailStage extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly wire: Wire;
  readonly sink: SmtpSink;
  /** The one that runs, or was killed. */
  readonly server: ServerProcess;
  /** Starts another one in its place. */
  startServer(): Promise<ServerProcess>;
}

/** @param reach how the server comes to the database */
export async function openMailStage(reach: "wire" | "directly"): Promise<MailStage> {
  await using stack = new AsyncDisposableStack();
  const db = stack.adopt(await testDatabase(), (opened) => opened.close());
  const wire = stack.use(await openWire(db.url));
  const sink = stack.use(await openSmtpSink());
  const settings = { SMTP_URL: sink.url, MAIL_FROM: "no-reply@mail.example" };
  const start = () => startServerProcess(reach === "wire" ? wire.url : db.url, settings);
  let server = await start();
  stack.defer(() => server.end());
  const opened = stack.move();
  return {
    db,
    wire,
    sink,
    get server() {
      return server;
    },
    startServer: async () => (server = await start()),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
