import { ArgumentError } from "@diffusiongym/core";
import { replaceFiles, type WrittenFile } from "../files/index.js";
import type { ConstantTensor, Graph } from "../ir/index.js";
import type { FileProgress } from "./open.js";
import { encodeOnnx, tensorBytes, writeOnnx } from "./write.js";

/** How a graph is saved. */
export interface SaveOnnxOptions {
  /**
   * Put the entries of large tensors into a second file beside the model, of the same name with `.data` behind it. Models of
   * more than 2 GB have to be written so. @default only where needed
   */
  readonly externalData?: boolean;
  /** Stops writing; the files that were there before stay. */
  readonly signal?: AbortSignal;
  /** Called as bytes are written. */
  readonly onProgress?: (progress: FileProgress) => void;
}

/** A protocol buffer has at most 2 GB; nodes and names need some of it. */
const mostInside = 1.9e9;

/** Tensors of up to this many bytes stay in the model. */
const largestInside = 1024;

/** Runtimes map files into memory by pages. */
const pageLength = 4096;

/**
 * Writes a graph as an `.onnx` file. It is there whole or not at all: everything is written beside its place and renamed.
 * @param path where to; its folder must exist. Node only
 * @throws FileError when it cannot be written; AbortError; ArgumentError when the graph is not well formed
 */
export async function saveOnnx(graph: Graph, path: string, options: SaveOnnxOptions = {}): Promise<void> {
  const { externalData = sizeOf(graph) > mostInside, signal, onProgress } = options;
  const files = externalData ? twoFiles(graph, path) : [{ path, parts: [writeOnnx(graph)] }];
  const total = files.reduce((sum, { parts }) => sum + parts.reduce((length, part) => length + part.length, 0), 0);
  let loaded = 0;
  await replaceFiles(files, {
    signal,
    onBytes: (bytes) => {
      loaded += bytes;
      onProgress?.({ loaded, total });
    },
  });
}

/** The data first, so that no model is ever there without it. */
function twoFiles(graph: Graph, path: string): (WrittenFile & { readonly parts: readonly Uint8Array[] })[] {
  const name = path.split(/[\\/]/).at(-1)!;
  if (name === "") {
    throw new ArgumentError(`saveOnnx: "${path}" names a folder; give the file's name.`, "path", path);
  }
  const location = `${name}.data`;
  const parts: Uint8Array[] = [];
  let length = 0;
  const model = encodeOnnx(graph, (_, tensor) => {
    if (tensor.data.byteLength <= largestInside) {
      return undefined;
    }
    const padding = (pageLength - (length % pageLength)) % pageLength;
    parts.push(new Uint8Array(padding), tensorBytes(tensor));
    const offset = length + padding;
    length = offset + tensor.data.byteLength;
    return { location, offset };
  });
  return [
    { path: `${path}.data`, parts },
    { path, parts: model.parts() },
  ];
}

function sizeOf({ initializers }: Graph): number {
  let sum = 0;
  for (const { data } of initializers.values()) {
    sum += (data as ConstantTensor["data"]).byteLength;
  }
  return sum;
}
