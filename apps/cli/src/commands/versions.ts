import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Version of this package. */
export function ownVersion(): string {
  return versionIn(new URL("../../package.json", import.meta.url));
}

/** Versions of everything that the numbers of a run depend on. */
export function versions(): Record<string, string> {
  const { resolve } = createRequire(import.meta.url);
  const found = ["@diffusiongym/core", "@diffusiongym/methods", "@diffusiongym/nn", "onnxruntime-node"].map((name) => {
    try {
      return [name, versionIn(resolve(`${name}/package.json`))] as const;
    } catch {
      return [name, "unknown"] as const;
    }
  });
  return { diffusiongym: ownVersion(), ...Object.fromEntries(found), node: process.versions.node };
}

function versionIn(path: string | URL): string {
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
