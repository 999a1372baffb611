import { NonFiniteError } from "../errors/index.js";
import type { DiffusionData } from "./diffusion-data.js";

/**
 * Refuses NaN and infinities in a batch.
 * @param data any batch
 * @param source what the batch is, for the message: "x0", "model output"
 * @param step the rollout's step, when there is one
 * @throws NonFiniteError naming the source, the sample and the step
 */
export function checkFinite<D extends DiffusionData<D>>(data: D, source: string, step?: number): void {
  for (const [index, tensor] of data.tensors().entries()) {
    const values = tensor.data;
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      sum += values[i]!;
    }
    // A sum of finite 32-bit floats cannot overflow a double, so it is finite exactly when they all are.
    if (!Number.isFinite(sum)) {
      const entry = values.findIndex((value) => !Number.isFinite(value));
      const row = Math.floor(entry / Math.max(1, values.length / Math.max(1, tensor.shape[0] ?? 1)));
      const sample = sampleOfRow(data.rowOffsets(index), row);
      throw new NonFiniteError(
        `${source} holds ${values[entry]} in sample ${sample}${step === undefined ? "" : ` at step ${step}`}. ` +
          "Look at what produced it: bad input data, a diverging policy or a network with non-finite weights.",
        source,
        sample,
        step,
      );
    }
  }
}

function sampleOfRow(offsets: ArrayLike<number> | undefined, row: number): number {
  if (offsets === undefined) {
    return row;
  }
  let sample = 0;
  while (sample + 2 < offsets.length && offsets[sample + 1]! <= row) {
    sample++;
  }
  return sample;
}
