import { FileError } from "@diffusiongym/nn";
import type { NodeModules } from "./node.js";

/**
 * Writes a file beside its place, flushes it, and renames it, so that nobody ever reads half of it.
 * @param path where it is to be; its folder is made
 * @param bytes what it is to hold
 * @throws FileError when it cannot be written; nothing is left then
 */
export async function writeBeside(node: NodeModules, path: string, bytes: Uint8Array): Promise<void> {
  const { fs } = node;
  const temporary = besideName(node, path);
  try {
    await makeFolder(node, node.path.dirname(path));
    const file = await fs.open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw new FileError(`Cannot write ${path}: ${reasonOf(error)}`, path, error);
  }
}

/** What the system says, and what to do about it. */
export function reasonOf(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return ["ENOSPC", "EDQUOT"].includes(errorCode(error) ?? "")
    ? `the disk is full (${said}). Free some space, or choose another folder.`
    : `${said}. Check that the folder exists and may be written, or choose another one.`;
}

/** A name beside a path that nobody else uses. */
export function besideName({ crypto }: NodeModules, path: string): string {
  return `${path}.${crypto.randomBytes(6).toString("hex")}.part`;
}

/**
 * Makes a folder and those above it. Node's own recursive form never returns where a folder that exists refuses to hold
 * another one by saying that it does not exist, as /proc does.
 */
export async function makeFolder({ fs, path: paths }: Pick<NodeModules, "fs" | "path">, folder: string): Promise<void> {
  try {
    await fs.mkdir(folder);
  } catch (error) {
    const code = errorCode(error);
    if (code === "EEXIST") {
      return;
    }
    const above = paths.dirname(folder);
    if (code !== "ENOENT" || above === folder) {
      throw error;
    }
    await makeFolder({ fs, path: paths }, above);
    await fs.mkdir(folder).catch((again: unknown) => {
      if (errorCode(again) !== "EEXIST") {
        throw again;
      }
    });
  }
}

/** The system's code of an error: `ENOENT` and the like. */
export function errorCode(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}
