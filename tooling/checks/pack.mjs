// Packs every package as it would be published, into tooling/packed/, where the release checks find the tarballs.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, shell } from "../shell.mjs";
import { packages } from "../workspace.mjs";
import { packed, tarball } from "./tarballs.mjs";

rmSync(packed, { recursive: true, force: true });
mkdirSync(packed, { recursive: true });
for (const { folder, manifest } of packages) {
  const { code, output } = await shell(["pnpm", "pack", "--out", tarball(manifest.name)], {
    folder: join(root, folder),
  });
  if (code !== 0) throw new Error(`pnpm pack failed in ${folder}:\n${output}`);
}
console.log(`${packages.length} packages packed`);
