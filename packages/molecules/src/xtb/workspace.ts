import type { NodeModules } from "../platform/index.js";

/**
 * Folders for the runs of one batch, each of its own, in one folder whose name says which process of which machine made it.
 * Whatever happens in a run, its folder is removed; what a process that was killed left behind is removed by the next one.
 */
export class Workspace {
  readonly #node: NodeModules;
  readonly #root: string;
  #runs = 0;

  private constructor(node: NodeModules, root: string) {
    this.#node = node;
    this.#root = root;
  }

  /**
   * @param directory where it is to be, which must exist
   * @throws the file system's error when it cannot be made
   */
  static async open(node: NodeModules, directory: string): Promise<Workspace> {
    const { fs, path } = node;
    await removeStale(node, directory);
    const root = await fs.mkdtemp(path.join(directory, `${ownPrefix(node)}${process.pid}-`));
    open.add(root);
    cleanUpAtExit();
    return new Workspace(node, root);
  }

  /**
   * Runs work in a new folder and removes the folder.
   * @throws what the work throws, or the file system's error when the folder cannot be made
   */
  async inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const { fs, path } = this.#node;
    const folder = path.join(this.#root, String(this.#runs++));
    await fs.mkdir(folder);
    try {
      return await work(folder);
    } finally {
      await fs.rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** Removes what is left. */
  async close(): Promise<void> {
    await this.#node.fs.rm(this.#root, { recursive: true, force: true, maxRetries: 3 });
    open.delete(this.#root);
  }
}

/** Folders of this process that are in use. */
const open = new Set<string>();
let watching = false;

function cleanUpAtExit(): void {
  if (watching) {
    return;
  }
  watching = true;
  const { rmSync } = process.getBuiltinModule("node:fs");
  process.on("exit", () => {
    for (const folder of open) {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

/** Containers may share a folder for temporary files but not the numbers of processes, so the machine's name is part of it. */
function ownPrefix({ os }: NodeModules): string {
  return `diffusiongym-xtb-${os.hostname().replaceAll(/[^A-Za-z0-9.]/g, "_")}-`;
}

async function removeStale(node: NodeModules, directory: string): Promise<void> {
  const { fs, path } = node;
  const prefix = ownPrefix(node);
  for (const name of await fs.readdir(directory)) {
    const maker = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (Number.isInteger(maker) && !isAlive(maker)) {
      // Somebody else may be removing it too.
      await fs.rm(path.join(directory, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    }
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as { code?: string }).code !== "ESRCH";
  }
}
