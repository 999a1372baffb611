// Files in Node. Chosen by the "imports" of package.json, and loaded only when a path is read or written.
export const loadFileSystem = async () => ({
  files: await import("node:fs/promises"),
  path: await import("node:path"),
  url: await import("node:url"),
});
