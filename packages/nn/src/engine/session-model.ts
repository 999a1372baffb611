import type { Graph } from "../ir/index.js";
import { encodeOnnx, tensorBytes } from "../onnx/index.js";

/** A graph as the runtime takes it. */
export interface SessionModel {
  readonly model: Uint8Array<ArrayBuffer>;
  /** Entries of large tensors, which the runtime reads where they lie while it makes the session. */
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array<ArrayBuffer> }[];
}

/**
 * The graph with its large tensors apart from it: a protocol buffer holds at most 2 GB, and what is apart is neither written
 * nor parsed, but handed over as it is.
 * @param largest bytes of the largest tensors that stay in the model, at least those of any shape, because the runtime reads
 *   shapes before it reads what is apart. @default 64 KiB
 */
export function sessionModel(graph: Graph, largest = 2 ** 16): SessionModel {
  const externalData: { path: string; data: Uint8Array<ArrayBuffer> }[] = [];
  const encoded = encodeOnnx(graph, (_, tensor) => {
    if (tensor.data.byteLength <= largest) {
      return undefined;
    }
    const path = `tensor${externalData.length}`;
    externalData.push({ path, data: tensorBytes(tensor) });
    return { location: path, offset: 0 };
  });
  return { model: encoded.finish(), externalData };
}
