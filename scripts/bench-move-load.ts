/** The clients of scripts/bench-move.ts, in a process of their own: what the mover does must not delay their clock. */
import { startLoad, type Load, type LoadOptions } from "../test/move/load.ts";

let load: Load | undefined;

process.on("message", (message: LoadOptions | "stop") => {
  if (message !== "stop") {
    load = startLoad(message);
    return;
  }
  void load?.stop().then(() => process.send?.(load?.operations, undefined, undefined, () => process.exit(0)));
});
