// publint and attw on every packed package: are its files, exports and types what package managers and compilers expect?
import { shell } from "../shell.mjs";
import { packages } from "../workspace.mjs";
import { tarball } from "./tarballs.mjs";

let failed = 0;
for (const { manifest } of packages) {
  const file = tarball(manifest.name);
  for (const command of [
    ["publint", "run", file, "--strict", "--level", "suggestion"],
    ["attw", file, "--profile", "esm-only", "--no-emoji"],
  ]) {
    const { code, output } = await shell(command);
    console.log(`${command[0]} ${manifest.name}: ${code === 0 ? "good" : "FAILED"}`);
    if (code === 0) continue;
    failed += 1;
    console.error(output);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
