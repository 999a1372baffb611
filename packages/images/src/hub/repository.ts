import { ArgumentError, DiffusionGymError } from "@diffusiongym/core";
import { FileError } from "@diffusiongym/nn";
import { errorCode, type NodeModules, reasonOf, requireNode } from "../platform/index.js";
import { RepositoryCache, sizeOfFile } from "./cache.js";
import { damaged, failed, missing, type Place, unreachable } from "./complaints.js";
import { DamagedDownload, downloadBlob } from "./download.js";
import { type FileFacts, fetchFacts } from "./file-facts.js";
import { TotalProgress } from "./progress.js";
import { RequestFailure, withRetries } from "./request.js";
import { type EnvironmentVariables, type LoadingOptions, type LoadingSettings, resolveSettings } from "./settings.js";
import { readSource, type Source } from "./source.js";

/** A file that exists: on this machine already, or to be downloaded. */
type Located =
  | { readonly at: "here"; readonly path: string; readonly size: number }
  | { readonly at: "away"; readonly facts: FileFacts; readonly commit: string };

/**
 * The files of one model: in a folder, below an address, or in a repository of the Hugging Face hub. What is downloaded goes
 * to the cache that Python's huggingface_hub shares; all files of one object are of one commit.
 */
export class Repository {
  /** What was asked for: a hub id, an address, or a folder. */
  readonly name: string;
  readonly #source: Source;
  readonly #settings: LoadingSettings;
  readonly #node: NodeModules;
  readonly #cache: RepositoryCache | undefined;
  readonly #located = new Map<string, Located>();
  #commit: string | undefined;

  private constructor(source: Source, settings: LoadingSettings, node: NodeModules) {
    this.name = source.name;
    this.#source = source;
    this.#settings = settings;
    this.#node = node;
    this.#cache = source.kind === "folder" ? undefined : new RepositoryCache(settings.cacheDirectory, source, node);
  }

  /**
   * Says where the files are; nothing is fetched yet.
   * @param source id of a hub repository (`organisation/name`), address of a folder, or path of one
   * @param variables environment variables. @default those of the process
   * @throws ArgumentError for a source that is none of these; IncompatibleError in browsers
   */
  static async open(
    source: string,
    options: LoadingOptions = {},
    variables?: EnvironmentVariables,
  ): Promise<Repository> {
    const node = requireNode("Loading a model's files");
    const where = await readSource(source, node);
    const revision = (where.kind === "hub" && where.revision) || options.revision;
    const settings = await resolveSettings(
      { ...options, ...(revision !== undefined && { revision }) },
      node,
      variables ?? process.env,
    );
    return new Repository(where, settings, node);
  }

  /**
   * True when the file exists (without network: when it is in the cache).
   * @param file path within the repository, with forward slashes
   * @throws LoadingError when that cannot be found out; AbortError
   */
  async has(file: string): Promise<boolean> {
    return (await this.#locate(file)) !== undefined;
  }

  /**
   * The first of some files that exists.
   * @throws LoadingError when none does
   */
  async first(files: readonly string[]): Promise<string> {
    for (const file of files) {
      if (await this.has(file)) {
        return file;
      }
    }
    throw this.#absent(files[0]!, files.slice(1));
  }

  /**
   * Paths of files on this machine, downloaded where they are not there yet, with one progress over them all.
   * @param files paths within the repository, with forward slashes
   * @returns one path a file, in order
   * @throws LoadingError saying what is missing and what to do about it; FileError where the cache cannot be used; AbortError
   */
  async files(files: readonly string[]): Promise<string[]> {
    const located: [string, Located][] = [];
    for (const file of files) {
      const found = await this.#locate(file);
      if (found === undefined) {
        throw this.#absent(file);
      }
      located.push([file, found]);
    }
    const progress = new TotalProgress(
      located.map(([file, found]) => ({ file, size: found.at === "here" ? found.size : found.facts.size })),
      this.#settings.onProgress,
    );
    const paths: string[] = [];
    for (const [file, found] of located) {
      paths.push(found.at === "here" ? found.path : await this.#fetch(file, found, progress));
      progress.end(file);
    }
    return paths;
  }

  /** Where a file is on the network, or in the folder. */
  address(file: string): string {
    requireInside(file);
    const escaped = file.split("/").map(encodeURIComponent).join("/");
    const source = this.#source;
    switch (source.kind) {
      case "folder":
        return this.#node.path.join(source.folder, ...file.split("/"));
      case "address":
        return `${source.base}/${escaped}`;
      case "hub": {
        const { endpoint, revision } = this.#settings;
        return `${endpoint}/${source.id}/resolve/${encodeURIComponent(this.#commit ?? revision)}/${escaped}`;
      }
    }
  }

  async #locate(file: string): Promise<Located | undefined> {
    const known = this.#located.get(file);
    if (known !== undefined) {
      return known;
    }
    try {
      const found =
        this.#cache === undefined ? await this.#inFolder(file) : await this.#inRepository(file, this.#cache);
      if (found !== undefined) {
        this.#located.set(file, found);
      }
      return found;
    } catch (error) {
      throw this.#explain(error, file);
    }
  }

  async #inFolder(file: string): Promise<Located | undefined> {
    return this.#here(this.address(file));
  }

  async #inRepository(file: string, cache: RepositoryCache): Promise<Located | undefined> {
    const { revision, localFilesOnly } = this.#settings;
    if (/^[0-9a-f]{40}$/.test(revision)) {
      this.#commit = revision;
    }
    const cached = await this.#here(
      this.#commit === undefined ? await cache.findOffline(revision, file) : await cache.find(this.#commit, file),
    );
    // What a commit holds never changes, so nobody needs to be asked.
    if (localFilesOnly || (cached !== undefined && this.#commit !== undefined)) {
      return cached;
    }
    const address = this.address(file);
    // A machine without network should not wait for what it has.
    const retries = cached === undefined ? this.#settings.retries : 0;
    let facts: FileFacts;
    try {
      facts = await withRetries(() => fetchFacts(address, this.#settings), { ...this.#settings, retries });
    } catch (error) {
      if (isMissingFile(error)) {
        return undefined;
      }
      if (cached === undefined || !(error instanceof RequestFailure) || !error.transient) {
        throw error;
      }
      this.#commit = await cache.commitOf(revision);
      return cached;
    }
    const commit = facts.commit ?? this.#commit ?? revision;
    if (facts.commit !== undefined) {
      this.#commit ??= facts.commit;
      await cache.remember(revision, facts.commit);
    }
    const changeable = facts.commit === undefined;
    const path = changeable ? undefined : await cache.find(commit, file, facts.size);
    return (await this.#here(path)) ?? { at: "away", facts, commit };
  }

  async #here(path: string | undefined): Promise<Located | undefined> {
    const size = path === undefined ? undefined : await sizeOfFile(path, this.#node);
    return path === undefined || size === undefined ? undefined : { at: "here", path, size };
  }

  async #fetch(
    file: string,
    { facts, commit }: Extract<Located, { at: "away" }>,
    progress: TotalProgress,
  ): Promise<string> {
    const cache = this.#cache!;
    const address = this.address(file);
    // A server that names no content may change it: then the length is all there is to know it by.
    const blob = cache.blob(facts.etag ?? `${address} ${facts.size ?? "?"}`);
    try {
      if ((await sizeOfFile(blob, this.#node)) === undefined) {
        const onBytes = (bytes: number): void => progress.report(file, bytes);
        await downloadBlob({ address, blob, facts, onBytes }, this.#settings, this.#node);
      }
      const path = await cache.point(commit, file, blob);
      this.#located.set(file, (await this.#here(path))!);
      return path;
    } catch (error) {
      throw this.#explain(error, file);
    }
  }

  #absent(file: string, alternatives: readonly string[] = []): Error {
    const place = this.#place(file);
    return this.#settings.localFilesOnly && this.#cache !== undefined
      ? unreachable(place, "the network is not to be used (localFilesOnly, or HF_HUB_OFFLINE is set)", "offline")
      : missing(place, alternatives);
  }

  /** An error in the words of the user; those that are so already are left alone. */
  #explain(error: unknown, file: string): unknown {
    const place = this.#place(file);
    if (error instanceof RequestFailure) {
      return failed(place, error, this.#source.kind === "hub", this.#settings.retries + 1);
    }
    if (error instanceof DamagedDownload) {
      return damaged(place, error.message);
    }
    const { cacheDirectory } = this.#settings;
    return DiffusionGymError.isInstance(error) || errorCode(error) === undefined
      ? error
      : new FileError(
          `The cache at ${cacheDirectory} cannot be used for ${place.file} of ${place.source}: ${reasonOf(error)} ` +
            "The option cacheDirectory and the variable HF_HUB_CACHE name another one.",
          cacheDirectory,
          error,
        );
  }

  #place(file: string): Place {
    const byHand = this.#cache?.placeByHand(this.#settings.revision, file);
    return { source: this.name, file, address: this.address(file), ...(byHand !== undefined && { byHand }) };
  }
}

/** True for the answer that a file is not there, where its repository and revision are. */
function isMissingFile(error: unknown): boolean {
  return (
    error instanceof RequestFailure &&
    error.status === 404 &&
    !["RepoNotFound", "RevisionNotFound"].includes(error.code ?? "")
  );
}

function requireInside(file: string): void {
  if (!/^[^/\\]+(\/[^/\\]+)*$/.test(file) || file.split("/").some((part) => part === ".." || part === ".")) {
    throw new ArgumentError(`"${file}" is no path within a repository, such as "unet/config.json".`, "file", file);
  }
}
