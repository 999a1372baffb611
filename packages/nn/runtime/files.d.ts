/** Node's modules for files and paths, `undefined` in browsers. */
export const loadFileSystem:
  | (() => Promise<{
      readonly files: typeof import("node:fs/promises");
      readonly path: typeof import("node:path");
      readonly url: typeof import("node:url");
    }>)
  | undefined;
