import { ArgumentError, type DDTensor, NonFiniteError } from "@diffusiongym/core";

/**
 * Refuses images with a value that is no number of [0, 1].
 * @throws NonFiniteError, ArgumentError naming the sample
 */
export function checkRange(images: DDTensor): void {
  const { data } = images;
  const stride = data.length / Math.max(images.length, 1);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value >= 0 && value <= 1) {
      continue;
    }
    const sample = Math.floor(i / stride);
    if (!Number.isFinite(value)) {
      throw new NonFiniteError(`Image ${sample} has the value ${value}; values must be in [0, 1].`, "images", sample);
    }
    throw new ArgumentError(
      `Image ${sample} has the value ${value}; values must be in [0, 1]. Models of this package give such images; ` +
        "let the postprocess of your own clamp them.",
      "images",
      value,
    );
  }
}
