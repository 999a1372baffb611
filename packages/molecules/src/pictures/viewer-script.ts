import { IncompatibleError, MissingPackageError } from "@diffusiongym/core";
import { nodeModules } from "#platform";

const file = "3dmol/build/3Dmol-min.js";

let loaded: Promise<string> | undefined;

/**
 * The minified build of 3Dmol.js out of the installed package `3dmol`, read once.
 * @throws MissingPackageError when the package is not installed
 * @throws IncompatibleError in a browser, which has no packages; give the text there
 */
export function loadViewerScript(): Promise<string> {
  loaded ??= readScript().catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function readScript(): Promise<string> {
  if (nodeModules === undefined) {
    throw new IncompatibleError("A browser cannot read the package 3dmol; give its build as the option `script`.");
  }
  const { fs, module } = nodeModules;
  try {
    return await fs.readFile(module.createRequire(import.meta.url).resolve(file), "utf8");
  } catch (cause) {
    const error = new MissingPackageError(
      "3-D views need the package 3dmol. Install it with: npm install 3dmol",
      "3dmol",
    );
    error.cause = cause;
    throw error;
  }
}
