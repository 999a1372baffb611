import type { NodeModules } from "../platform/index.js";

/**
 * Where the scripts in `tooling/convert` write what they convert, unless told otherwise: the folder `diffusiongym` of the user's
 * cache.
 * @param name of the file or folder in it
 */
export function convertedPlace(name: string, { os, path }: NodeModules): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "diffusiongym", name);
}
