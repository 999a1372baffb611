import { ArgumentError } from "@diffusiongym/core";
import type { NodeModules } from "../platform/index.js";

/** How far a call to `Repository.files` is. */
export interface LoadingProgress {
  /** The file that is being downloaded. */
  readonly file: string;
  /** Bytes that are there, of all files of the call together; never falls. */
  readonly loadedBytes: number;
  /** Bytes of all files of the call together, where the server tells them; constant. */
  readonly totalBytes: number | undefined;
}

/** Where files come from and where they are kept. */
export interface LoadingOptions {
  /** Branch, tag or commit of a hub repository. @default "main" */
  readonly revision?: string;
  /** Access token, sent to the endpoint alone; false sends none. @default HF_TOKEN, or the one that `hf auth login` keeps */
  readonly token?: string | false;
  /** Address of the hub or of a mirror. @default HF_ENDPOINT, or https://huggingface.co */
  readonly endpoint?: string;
  /** Folder of the cache, in the layout that Python's huggingface_hub uses. @default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub */
  readonly cacheDirectory?: string;
  /** Never use the network. @default true when HF_HUB_OFFLINE is set, else false */
  readonly localFilesOnly?: boolean;
  /** How often a request is made again after it failed in passing, without a byte of progress. @default 4 */
  readonly retries?: number;
  /** Milliseconds without a byte after which a request has failed. @default 30000 */
  readonly timeoutMs?: number;
  /** Stops loading; what was downloaded is continued next time. */
  readonly signal?: AbortSignal;
  /** Called as bytes arrive. */
  readonly onProgress?: (progress: LoadingProgress) => void;
}

/** `LoadingOptions` with nothing left open. */
export interface LoadingSettings {
  readonly revision: string;
  readonly token: string | undefined;
  readonly endpoint: string;
  readonly cacheDirectory: string;
  readonly localFilesOnly: boolean;
  readonly retries: number;
  readonly timeoutMs: number;
  /** Pause before the first retry, doubled at each. */
  readonly retryDelayMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: LoadingProgress) => void) | undefined;
}

/** Variables of the environment, as `process.env` has them. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/**
 * Completes options from the environment variables that Python's huggingface_hub reads too.
 * @throws ArgumentError for a revision that is no name, or numbers that make no sense
 */
export async function resolveSettings(
  options: LoadingOptions,
  node: NodeModules,
  variables: EnvironmentVariables,
): Promise<LoadingSettings> {
  const { revision = "main", retries = 4, timeoutMs = 30_000, signal, onProgress } = options;
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(revision) || revision.split("/").includes("..")) {
    throw new ArgumentError(`"${revision}" is no name of a branch, a tag or a commit.`, "revision", revision);
  }
  if (!Number.isInteger(retries) || retries < 0) {
    throw new ArgumentError(`retries must be a whole number >= 0, got ${String(retries)}.`, "retries", retries);
  }
  if (!(timeoutMs > 0)) {
    throw new ArgumentError(`timeoutMs must be above 0, got ${String(timeoutMs)}.`, "timeoutMs", timeoutMs);
  }
  const expand = (path: string): string => expandPath(path, node, variables);
  const cacheHome = variables.XDG_CACHE_HOME || node.path.join(node.os.homedir(), ".cache");
  const home = expand(variables.HF_HOME || node.path.join(cacheHome, "huggingface"));
  const cache = variables.HF_HUB_CACHE || variables.HUGGINGFACE_HUB_CACHE || node.path.join(home, "hub");
  const endpoint = options.endpoint ?? (variables.HF_ENDPOINT || "https://huggingface.co");
  return {
    revision,
    token: await findToken(options.token, home, node, variables),
    endpoint: endpoint.replace(/\/+$/, ""),
    cacheDirectory: node.path.resolve(expand(options.cacheDirectory ?? cache)),
    localFilesOnly:
      options.localFilesOnly ?? (isTrue(variables.HF_HUB_OFFLINE) || isTrue(variables.TRANSFORMERS_OFFLINE)),
    retries,
    timeoutMs,
    retryDelayMs: 500,
    signal,
    onProgress,
  };
}

async function findToken(
  given: string | false | undefined,
  home: string,
  node: NodeModules,
  variables: EnvironmentVariables,
): Promise<string | undefined> {
  if (given !== undefined) {
    return given === false ? undefined : given;
  }
  if (isTrue(variables.HF_HUB_DISABLE_IMPLICIT_TOKEN)) {
    return undefined;
  }
  if (variables.HF_TOKEN) {
    return variables.HF_TOKEN.trim();
  }
  const file = variables.HF_TOKEN_PATH || node.path.join(home, "token");
  const kept = await node.fs.readFile(expandPath(file, node, variables), "utf8").catch(() => "");
  return kept.trim() || undefined;
}

/** Replaces a leading ~ and variables as a shell does. */
function expandPath(path: string, node: NodeModules, variables: EnvironmentVariables): string {
  return path
    .replace(/^~(?=$|[/\\])/, () => node.os.homedir())
    .replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced, bare) => variables[braced ?? bare] ?? whole);
}

function isTrue(value: string | undefined): boolean {
  return ["1", "on", "yes", "true"].includes((value ?? "").toLowerCase());
}
