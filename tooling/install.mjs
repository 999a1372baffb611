import { readFileSync } from "node:fs";
import { root, shell } from "./shell.mjs";

/**
 * Installs what the lockfile says, with the pnpm that package.json names, which npm brings when it is not there yet.
 * No dependency's install script runs.
 */
export async function install() {
  const { packageManager } = readManifest("package.json");
  const pnpm = hasPinned(packageManager) ? ["pnpm"] : ["npx", "--yes", packageManager];
  console.log("installing ...");
  const { code, output, seconds } = await shell([...pnpm, "install", "--frozen-lockfile", "--prefer-offline"], {
    // Without a terminal pnpm must not ask; onnxruntime-node's own downloads are for GPUs, and not needed.
    environment: { CI: "true", ONNXRUNTIME_NODE_INSTALL: "skip", npm_config_loglevel: "error" },
  });
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
