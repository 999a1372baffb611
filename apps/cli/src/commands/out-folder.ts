import { join, relative, resolve } from "node:path";
import type { Io } from "../terminal/index.js";

/** The folder that `--out` means. */
export function outFolder(io: Io, out: string): string {
  return resolve(io.folder, out);
}

/** A file's path as the user would type it. */
export function shownPath(io: Io, folder: string, name = ""): string {
  const path = join(folder, name);
  const short = relative(io.folder, path);
  return short === "" || short.startsWith("..") ? path : short;
}
