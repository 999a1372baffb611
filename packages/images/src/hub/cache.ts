import { besideName, errorCode, makeFolder, type NodeModules, writeBeside } from "../platform/index.js";
import type { Source } from "./source.js";

/**
 * One repository's part of the cache, in the hub's published layout:
 *
 *     models--organisation--name/
 *       refs/main                        the commit that main meant when last asked
 *       blobs/<etag>                     contents
 *       snapshots/<commit>/config.json   -> ../../blobs/<etag>
 *
 * https://huggingface.co/docs/hub/local-cache describes it.
 */
export class RepositoryCache {
  readonly folder: string;
  readonly #node: NodeModules;

  constructor(cacheDirectory: string, source: Exclude<Source, { kind: "folder" }>, node: NodeModules) {
    this.folder = node.path.join(cacheDirectory, folderName(source, node));
    this.#node = node;
  }

  /** Where the content of an etag is, or will be. */
  blob(etag: string): string {
    const { crypto, path } = this.#node;
    const name = /^\w[\w.-]*$/.test(etag) ? etag : crypto.createHash("sha256").update(etag).digest("hex");
    return path.join(this.folder, "blobs", name);
  }

  /** Where a file of a commit is, or will be. */
  pointer(commit: string, file: string): string {
    return this.#node.path.join(this.folder, "snapshots", commit, ...file.split("/"));
  }

  /** Where somebody may put a file by hand, so that it is found when the network is not there. */
  placeByHand(revision: string, file: string): string {
    return this.pointer(revision, file);
  }

  /** The path of a file of a commit, when it is there with the length expected. */
  async find(commit: string, file: string, size?: number): Promise<string | undefined> {
    const path = this.pointer(commit, file);
    const found = await sizeOfFile(path, this.#node);
    return found === undefined || (size !== undefined && found !== size) ? undefined : path;
  }

  /** The path of a file of a revision, found without asking anybody. */
  async findOffline(revision: string, file: string): Promise<string | undefined> {
    const commit = await this.commitOf(revision);
    return (commit && (await this.find(commit, file))) || (await this.find(revision, file));
  }

  /** The commit that a revision meant when last asked. */
  async commitOf(revision: string): Promise<string | undefined> {
    const { fs, path } = this.#node;
    try {
      return (await fs.readFile(path.join(this.folder, "refs", ...revision.split("/")), "utf8")).trim() || undefined;
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "EISDIR"].includes(errorCode(error) ?? "")) {
        return undefined;
      }
      throw error;
    }
  }

  /** Remembers which commit a revision means; a cache that may only be read is left as it is. */
  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) {
      return;
    }
    const path = this.#node.path.join(this.folder, "refs", ...revision.split("/"));
    try {
      await writeBeside(this.#node, path, new TextEncoder().encode(commit));
    } catch (error) {
      if (!["EROFS", "EACCES", "EPERM"].includes(errorCode((error as { cause?: unknown }).cause) ?? "")) {
        throw error;
      }
    }
  }

  /** Makes a file of a commit point to a content: by a symbolic link, or where there are none a hard one or a copy. */
  async point(commit: string, file: string, blob: string): Promise<string> {
    const { fs, path } = this.#node;
    const pointer = this.pointer(commit, file);
    await makeFolder(this.#node, path.dirname(pointer));
    const temporary = besideName(this.#node, pointer);
    try {
      await fs
        .symlink(path.relative(path.dirname(pointer), blob), temporary)
        .catch(() => fs.link(blob, temporary))
        .catch(() => fs.copyFile(blob, temporary));
      await fs.rename(temporary, pointer);
    } catch (error) {
      await fs.rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    return pointer;
  }
}

/** Length of a file; undefined when there is none. */
export async function sizeOfFile(path: string, { fs }: NodeModules): Promise<number | undefined> {
  try {
    const stat = await fs.stat(path);
    return stat.isFile() ? stat.size : undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) {
      return undefined;
    }
    throw error;
  }
}

function folderName(source: Exclude<Source, { kind: "folder" }>, { crypto }: NodeModules): string {
  if (source.kind === "hub") {
    return `models--${source.id.replaceAll("/", "--")}`;
  }
  const { hostname } = new URL(source.base);
  return `addresses--${hostname}--${crypto.createHash("sha256").update(source.base).digest("hex").slice(0, 16)}`;
}
