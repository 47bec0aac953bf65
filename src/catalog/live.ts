import type { Served } from "./catalog.ts";

/** The catalog as of the last change that was heard of. */
export interface LiveCatalog {
  readonly current: () => Served;
  /** Reads it anew and puts it in place whole; the old one serves meanwhile. Calls that come while it reads share one more read. */
  readonly reload: () => Promise<void>;
  /** Ends the retries. */
  readonly close: () => void;
}

export interface LiveCatalogOptions {
  readonly load: () => Promise<Served>;
  readonly onError: (error: unknown) => void;
  /** How long after a failed read it is tried again. */
  readonly retryMs?: number;
}

/** @throws what `load` throws, the first time; later the old catalog goes on serving */
export async function openLiveCatalog({ load, onError, retryMs = 1000 }: LiveCatalogOptions): Promise<LiveCatalog> {
  let catalog = await load();
  let running: Promise<void> | null = null;
  let again = false;
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;

  const read = async () => {
    try {
      do {
        again = false;
        catalog = await load();
      } while (again && !isClosed);
    } catch (error) {
      if (isClosed) return;
      onError(error);
      retry = setTimeout(() => void reload(), retryMs);
      retry.unref();
    } finally {
      running = null;
    }
  };
  const reload = () => {
    clearTimeout(retry);
    if (isClosed) return Promise.resolve();
    again = running !== null;
    return (running ??= read());
  };
  return {
    current: () => catalog,
    reload,
    close: () => {
      isClosed = true;
      clearTimeout(retry);
    },
  };
}
