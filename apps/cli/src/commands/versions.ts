import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Version of this package. */
export function ownVersion(): string {
  return versionIn(new URL("../../package.json", import.meta.url));
}

/** Versions of everything that the numbers of a run depend on, for a model of a modality. */
export function versions(modality: string): Record<string, string> {
  const { resolve } = createRequire(import.meta.url);
  const own = ["core", "methods", "nn", modality].map((name) => `@diffusiongym/${name}`);
  const found = [...own, "onnxruntime-node"].flatMap((name) => {
    try {
      return [[name, versionIn(resolve(`${name}/package.json`))] as const];
    } catch {
      return []; // a modality that a third party registered
    }
  });
  return { diffusiongym: ownVersion(), ...Object.fromEntries(found), node: process.versions.node };
}

function versionIn(path: string | URL): string {
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
