import { readFile, readlink, rm, stat, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { makeFolder } from "./place.ts";
import { CHILD_ENV } from "./process.ts";

/** npm tarballs carry no symbolic links, and npm 12 does not run the script that would make them: we do. */
interface Link {
  readonly name: string;
  readonly library: string;
}

async function listLinks(native: string): Promise<Link[]> {
  // Without the list, as on Windows, there is nothing to link.
  const text = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  const listed = JSON.parse(text) as { source: string; target: string }[];
  return listed.map(({ source, target }) => ({ name: basename(target), library: basename(source) }));
}

async function makeLink(to: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => null)) === to) return;
  await rm(path, { force: true });
  await symlink(to, path).catch((error: NodeJS.ErrnoException) => {
    // Another start of the same installation was quicker.
    if (error.code !== "EEXIST") throw error;
  });
}

/**
 * Makes the links to the shared libraries that are missing, beside the libraries or, where those are read-only, in `cache`.
 * @param native the package's folder with `bin`, `lib` and `share`
 * @returns the environment that its programs want
 */
export async function linkLibraries(native: string, cache: string): Promise<Readonly<Record<string, string>>> {
  const lib = join(native, "lib");
  const links = await listLinks(native);
  const found = await Promise.all(links.map(({ name }) => stat(join(lib, name)).catch(() => null)));
  const missing = links.filter((_, index) => found[index] === null);
  try {
    for (const { name, library } of missing) await makeLink(library, join(lib, name));
    return CHILD_ENV;
  } catch {
    await makeFolder(cache, 0o755);
    for (const { name, library } of missing) await makeLink(join(lib, library), join(cache, name));
    // Both: a library's own search path is not used for the libraries that it wants in turn.
    const path = `${cache}:${lib}`;
    return { ...CHILD_ENV, [process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH"]: path };
  }
}
