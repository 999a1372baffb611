import { errorCode, type NodeModules } from "../platform/index.js";
import { sizeOfFile } from "./cache.js";
import { pause } from "./request.js";

/** How long a download of another process may make no progress before this one starts its own. */
const patienceMs = 15_000;
/** A part that nobody has written to for so long is taken over, whoever left it. */
const abandonedMs = 24 * 60 * 60 * 1000;
const pollMs = 200;

/**
 * The part of a blob that has been downloaded so far: a file beside the blob, `<blob>.<owner>.incomplete`. Every owner writes
 * only into its own file, so two processes never spoil each other's, with or without locks. A part whose owner has ended or
 * given up is taken over by renaming it, which succeeds for one process only.
 */
export class PartialBlob {
  readonly path: string;
  readonly #blob: string;
  readonly #node: NodeModules;

  private constructor(blob: string, owner: string, node: NodeModules) {
    this.#blob = blob;
    this.#node = node;
    this.path = `${blob}.${owner}.incomplete`;
  }

  /**
   * A part for this process to write: an abandoned one if there is any, else a new one. Where another process is
   * downloading the same blob, waits for it.
   * @returns undefined when the blob is there meanwhile
   */
  static async claim(
    blob: string,
    node: NodeModules,
    signal: AbortSignal | undefined,
  ): Promise<PartialBlob | undefined> {
    const host = hostName(node);
    const random = node.crypto.randomBytes(4).toString("hex");
    const mine = new PartialBlob(blob, `${host}-${process.pid}-${random}`, node);
    const progress = new Map<string, { size: number; since: number }>();
    for (;;) {
      if ((await sizeOfFile(blob, node)) !== undefined) {
        return undefined;
      }
      let busy = false;
      for (const { path, owner } of await parts(blob, node)) {
        if (await isAbandoned(path, owner, host, node)) {
          try {
            await node.fs.rename(path, mine.path);
            return mine;
          } catch (error) {
            // Another process was faster.
            if (errorCode(error) !== "ENOENT") throw error;
          }
        } else {
          const size = (await sizeOfFile(path, node)) ?? 0;
          const known = progress.get(path);
          if (known === undefined || known.size !== size) progress.set(path, { size, since: performance.now() });
          busy ||= performance.now() - progress.get(path)!.since < patienceMs;
        }
      }
      if (!busy) {
        return mine;
      }
      await pause(pollMs, signal);
    }
  }

  /** Bytes that are there. */
  async size(): Promise<number> {
    return (await sizeOfFile(this.path, this.#node)) ?? 0;
  }

  /** Throws everything away. */
  async clear(): Promise<void> {
    await this.#node.fs.rm(this.path, { force: true });
  }

  /** Makes the part the blob. */
  async finish(): Promise<void> {
    await this.#node.fs.rename(this.path, this.#blob);
  }

  /** Leaves the part to whoever comes next. */
  async release(): Promise<void> {
    const { fs, crypto } = this.#node;
    await fs
      .rename(this.path, `${this.#blob}.free-0-${crypto.randomBytes(4).toString("hex")}.incomplete`)
      .catch(() => undefined);
  }
}

interface Part {
  readonly path: string;
  /** `host-pid-random`, or `free-0-random`. */
  readonly owner: string;
}

async function parts(blob: string, { fs, path }: NodeModules): Promise<Part[]> {
  const prefix = `${path.basename(blob)}.`;
  const names = await fs.readdir(path.dirname(blob)).catch(() => [] as string[]);
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith(".incomplete"))
    .map((name) => ({
      path: path.join(path.dirname(blob), name),
      owner: name.slice(prefix.length, -".incomplete".length),
    }))
    .filter(({ owner }) => /^\w+-\d+-[0-9a-f]{8}$/.test(owner));
}

async function isAbandoned(path: string, owner: string, host: string, { fs }: NodeModules): Promise<boolean> {
  const [, ownersHost, pid] = /^(\w+)-(\d+)-/.exec(owner)!;
  if (ownersHost === "free") {
    return true;
  }
  if (ownersHost === host && !isAlive(Number(pid))) {
    return true;
  }
  const stat = await fs.stat(path).catch(() => undefined);
  return stat !== undefined && Date.now() - stat.mtimeMs > abandonedMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is one, too.
    return errorCode(error) === "EPERM";
  }
}

/** This machine's name, of word characters; never the mark of parts without owner. */
function hostName({ os }: NodeModules): string {
  return `on_${os.hostname().replace(/\W/g, "_")}`;
}
