import { ArgumentError } from "@diffusiongym/core";
import { errorCode, type NodeModules } from "../platform/index.js";

/** Where the files of a model are. */
export type Source =
  | { readonly kind: "folder"; readonly name: string; readonly folder: string }
  | { readonly kind: "hub"; readonly name: string; readonly id: string; readonly revision?: string }
  | { readonly kind: "address"; readonly name: string; readonly base: string };

const hubPage = /^https:\/\/(?:huggingface\.co|hf\.co)\/([\w-][\w.-]*\/[\w.-]+)(?:\/tree\/([\w.-]+))?\/?$/;

/**
 * Reads a source: an address that begins with http, the path of a folder, or the id of a hub repository
 * (`organisation/name`, or the address of its page). A folder that exists comes before an id of the same spelling, as in
 * Python's libraries.
 * @throws ArgumentError when it is none of these, or the folder does not exist
 */
export async function readSource(source: string, node: NodeModules): Promise<Source> {
  if (typeof source !== "string" || source === "") {
    throw new ArgumentError(
      `source must be a hub id (organisation/name), an address or the path of a folder, got ${String(source)}.`,
      "source",
      source,
    );
  }
  const [, id, revision] = hubPage.exec(source) ?? [];
  if (id !== undefined) {
    return { kind: "hub", name: id, id, ...(revision !== undefined && { revision }) };
  }
  if (/^https?:\/\//.test(source)) {
    return { kind: "address", name: source, base: readAddress(source) };
  }
  const expanded = source.replace(/^~(?=$|[/\\])/, () => node.os.homedir()).replace(/^file:\/\//, "");
  const folder = node.path.resolve(expanded);
  const found = await isFolder(folder, node);
  if (found) {
    return { kind: "folder", name: source, folder };
  }
  if (found === undefined && /^[\w-][\w.-]*\/[\w.-]+$/.test(source) && !source.includes("..")) {
    return { kind: "hub", name: source, id: source };
  }
  throw new ArgumentError(
    found === false
      ? `source ${source} is a file (${folder}); give the folder that holds it.`
      : `source "${source}" is no folder (${folder} does not exist) and no hub id (organisation/name).`,
    "source",
    source,
  );
}

function readAddress(source: string): string {
  let url: URL;
  try {
    url = new URL(source);
  } catch {
    throw new ArgumentError(`source ${source} is no address.`, "source", source);
  }
  if (url.search !== "" || url.hash !== "") {
    throw new ArgumentError(
      `source ${source} must be the address of a folder, to which names of files are added, without "${url.search}${url.hash}".`,
      "source",
      source,
    );
  }
  return url.href.replace(/\/+$/, "");
}

/** Undefined when there is nothing at the path. */
async function isFolder(path: string, { fs }: NodeModules): Promise<boolean | undefined> {
  try {
    return (await fs.stat(path)).isDirectory();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) {
      return undefined;
    }
    throw error;
  }
}
