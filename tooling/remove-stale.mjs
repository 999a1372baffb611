// After a build: removes outputs whose sources are gone, which the compiler and the cache leave, and which would be
// published.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./shell.mjs";
import { packages } from "./workspace.mjs";

for (const { folder } of packages) {
  const [sources, outputs] = [join(root, folder, "src"), join(root, folder, "dist")];
  if (!existsSync(outputs)) continue;
  for (const entry of readdirSync(outputs, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const source = relative(outputs, path).replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts");
    if (entry.isFile() && source.endsWith(".ts") && !existsSync(join(sources, source))) rmSync(path);
  }
}
