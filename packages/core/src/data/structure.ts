import { ArgumentError, ShapeError } from "../errors/index.js";
import type { DiffusionData } from "./diffusion-data.js";
import { checkRows } from "./row-offsets.js";

/**
 * Refuses a batch that is not built like another one: the same type of data, the same tensors of the same shapes,
 * and for ragged data samples of the same sizes.
 * @param data the batch to check
 * @param like what it must be like
 * @param source what the batch is, for the message: "x0", "The model's output"
 * @param options.anyRows compare ragged data only by what a row looks like, so that samples may have other sizes. @default false
 * @throws ArgumentError when it is no batch at all, ShapeError naming both shapes when they differ
 */
export function checkStructure<D extends DiffusionData<D>>(
  data: D,
  like: D,
  source: string,
  options: { readonly anyRows?: boolean } = {},
): void {
  requireBatch(data, source);
  const tensors = data.tensors();
  const wanted = like.tensors();
  const names = like.partNames();
  if (tensors.length !== wanted.length || data.partNames().join() !== names.join()) {
    throw new ShapeError(
      `${source} holds the tensors ${list(data.partNames())}; the model's states hold ${list(names)}.`,
    );
  }
  for (const [index, tensor] of tensors.entries()) {
    const isRagged = like.rowOffsets(index) !== undefined;
    const [shape, other] = [tensor.shape, wanted[index]!.shape];
    const from = isRagged && options.anyRows ? 1 : 0;
    if (shape.length !== other.length || shape.some((axis, i) => i >= from && axis !== other[i])) {
      const part = names[index] === "" ? "" : ` in "${names[index]}"`;
      throw new ShapeError(
        `${source} has shape [${shape.join(", ")}]${part}; [${other.join(", ")}] is needed, the shape of the model's states.`,
        other,
        shape,
      );
    }
    if (!options.anyRows) {
      checkRows(source, data.rowOffsets(index), like.rowOffsets(index));
    }
  }
}

/**
 * Refuses what is no batch of data, such as a bare array.
 * @param source what the value is, for the message
 * @throws ArgumentError saying how to make one
 */
export function requireBatch(data: unknown, source: string): void {
  // Not instanceof: a batch from another copy of the package is one too.
  if (typeof (data as { readonly tensors?: unknown } | undefined | null)?.tensors !== "function") {
    throw new ArgumentError(
      `${source} is ${describe(data)}, not a batch of data; wrap it in the model's data type, for example ` +
        "DDTensor.from(values, [n, ...]).",
      source,
      data,
    );
  }
}

function describe(value: unknown): string {
  return value === null || typeof value !== "object" ? String(value) : `of type ${value.constructor?.name ?? "object"}`;
}

function list(names: readonly string[]): string {
  return names.length === 1 && names[0] === "" ? "(one without a name)" : names.map((name) => `"${name}"`).join(", ");
}
