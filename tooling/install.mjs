import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { root, shell } from "./shell.mjs";

/**
 * Installs what the lockfile says, with the pnpm that package.json names, which npm brings when it is not there yet.
 * No dependency's install script runs.
 */
export async function install() {
  const { packageManager } = readManifest("package.json");
  const brought = ["npx", "--yes", packageManager, "--dir", root];
  console.log("installing ...");
  const installed = hasPinned(packageManager);
  let { code, output, seconds } = await installWith(installed ? ["pnpm", "--dir", root] : brought);
  // An installation that starts over removes the pnpm in node_modules that runs it.
  if (code !== 0 && installed && !hasPinned(packageManager)) ({ code, output, seconds } = await installWith(brought));
  if (code === 0) {
    console.log(`installed in ${seconds.toFixed(1)} s`);
    return;
  }
  console.error(output);
  console.error(
    output.includes("ERR_PNPM_OUTDATED_LOCKFILE")
      ? `A package.json changed and pnpm-lock.yaml did not: run \`npx ${packageManager} install\` and commit the lockfile.`
      : `Could not install the dependencies with ${packageManager} (exit code ${code}). They come from the npm registry ` +
          "(`npm config get registry` says which): check that it can be reached, and run the same command again.",
  );
  process.exit(1);
}

/** @param {string[]} pnpm */
function installWith(pnpm) {
  return shell([...pnpm, "install", "--frozen-lockfile", "--prefer-offline"], {
    // Elsewhere npx does not see a pnpm in node_modules that is half removed.
    folder: tmpdir(),
    // Without a terminal pnpm must not ask; onnxruntime-node's own downloads are for GPUs, and not needed.
    environment: { CI: "true", ONNXRUNTIME_NODE_INSTALL: "skip", npm_config_loglevel: "error" },
  });
}

/** @param {string} packageManager as in package.json: name@version */
function hasPinned(packageManager) {
  try {
    const { name, version } = readManifest("node_modules/pnpm/package.json");
    return `${name}@${version}` === packageManager;
  } catch {
    return false;
  }
}

/** @param {string} path from the repository's root */
function readManifest(path) {
  return JSON.parse(readFileSync(`${root}/${path}`, "utf8"));
}
