import { StorageError } from "../method/index.js";
import { partName, removeAbandonedParts } from "./abandoned-parts.js";
import type { Storage } from "./storage.js";

type FileSystem = typeof import("node:fs/promises");

/**
 * Keeps files in a folder, which is made when it does not exist. What a process that was killed while it wrote has left there is
 * removed by the first write. Node only.
 */
export class FileStorage implements Storage {
  readonly location: string;
  private readonly loadFileSystem: () => Promise<FileSystem>;
  private isClean = false;

  /**
   * @param folder path of the folder
   * @param loadFileSystem the file system to use. @default Node's
   */
  constructor(folder: string, loadFileSystem: () => Promise<FileSystem> = () => import("node:fs/promises")) {
    this.location = folder;
    this.loadFileSystem = loadFileSystem;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const { readFile } = await this.loadFileSystem();
    try {
      return await readFile(this.path(name));
    } catch (error) {
      if (codeOf(error) === "ENOENT") {
        return undefined;
      }
      throw this.failure("read", name, error);
    }
  }

  /** Writes beside the file, flushes, and renames; on failure the part that was written is removed. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const { open, rename, rm } = await this.loadFileSystem();
    const path = this.path(name);
    const temporary = partName(path);
    try {
      await this.open();
      const file = await open(temporary, "w");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw this.failure("write", name, error);
    }
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    const { appendFile } = await this.loadFileSystem();
    try {
      await this.open();
      await appendFile(this.path(name), bytes);
    } catch (error) {
      throw this.failure("append to", name, error);
    }
  }

  /** Makes the folder, and clears it once of what others have left. */
  private async open(): Promise<void> {
    await this.makeFolder(this.location);
    if (!this.isClean) {
      this.isClean = true;
      await removeAbandonedParts(await this.loadFileSystem(), this.location);
    }
  }

  /**
   * Makes a folder and those above it. Node's own recursive form never returns where a folder that exists refuses to hold
   * another one by saying that it does not exist, as /proc does.
   */
  private async makeFolder(folder: string): Promise<void> {
    const { mkdir } = await this.loadFileSystem();
    const make = async (): Promise<void> => {
      try {
        await mkdir(folder);
      } catch (error) {
        if (codeOf(error) !== "EEXIST") {
          throw error;
        }
      }
    };
    try {
      await make();
    } catch (error) {
      const above = folder.replace(/[/\\]+[^/\\]*[/\\]*$/, "");
      if (codeOf(error) !== "ENOENT" || above === folder || above === "") {
        throw error;
      }
      await this.makeFolder(above);
      await make();
    }
  }

  private path(name: string): string {
    return `${this.location}/${name}`;
  }

  private failure(action: string, name: string, error: unknown): StorageError {
    const code = codeOf(error);
    const advice =
      code === "ENOSPC" || code === "EDQUOT"
        ? "The disk is full: free some space or choose another folder, and continue from the last checkpoint."
        : "Check that the folder exists and may be written.";
    const detail = error instanceof Error ? error.message : String(error);
    return new StorageError(`Could not ${action} ${this.path(name)}: ${detail}. ${advice}`, this.path(name), code);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}
