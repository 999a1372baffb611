import { MissingPackageError } from "@diffusiongym/core";
import type { NodeModules } from "../platform/index.js";

/** Where xtb comes from. */
export const installXtb =
  "Install it with: apt-get install xtb (Debian, Ubuntu), or conda install -c conda-forge xtb; or say where it is by the option program";

const found = new Map<string, Promise<void>>();

/**
 * Makes sure, once a program, that xtb starts.
 * @param program name or path
 * @throws MissingPackageError with the command that installs it
 */
export function requireXtb(node: NodeModules, program: string): Promise<void> {
  let known = found.get(program);
  if (known === undefined) {
    known = starts(node, program).catch((error: unknown) => {
      // Whoever installs it need not start this process again.
      found.delete(program);
      throw error;
    });
    found.set(program, known);
  }
  return known;
}

async function starts({ childProcess }: NodeModules, program: string): Promise<void> {
  const reason = await new Promise<string | undefined>((resolve) => {
    const child = childProcess.spawn(program, ["--version"], { stdio: "ignore", shell: false });
    child.once("error", (error) => resolve((error as { code?: string }).code ?? error.message));
    child.once("spawn", () => resolve(undefined));
  });
  if (reason !== undefined) {
    const cause = reason === "ENOENT" ? "is not on the PATH" : `does not start (${reason})`;
    throw new MissingPackageError(`The xTB rewards need the program ${program}, which ${cause}. ${installXtb}.`, "xtb");
  }
}
