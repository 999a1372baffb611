import { ArgumentError, type SampleStreams, ShapeError } from "@diffusiongym/core";

/** A guidance scale for every sample, or two numbers between which each sample's is drawn evenly. */
export type GuidanceScale = number | readonly [number, number];

/** Guidance scales as conditioning has them: one for all samples, or one a sample. */
export type GuidanceScales = number | readonly number[] | Float32Array;

/** Refuses what is no guidance scale. @throws ArgumentError */
export function checkGuidanceScale(scale: GuidanceScale): GuidanceScale {
  const [low, high] = typeof scale === "number" ? [scale, scale] : scale;
  if (
    !Number.isFinite(low) ||
    !Number.isFinite(high) ||
    low > high ||
    (typeof scale !== "number" && scale.length !== 2)
  ) {
    throw new ArgumentError(
      `guidanceScale must be a finite number or [least, most], got ${JSON.stringify(scale)}.`,
      "guidanceScale",
      scale,
    );
  }
  return scale;
}

/**
 * The guidance scale of each of n samples: those that were given; else the model's own, drawn where it is a range.
 * @param streams one a sample; sample i draws from its own only
 * @throws ArgumentError for a scale that is no finite number, naming the sample; ShapeError for another number of scales
 */
export function drawScales(
  n: number,
  { given, own, streams }: { given: GuidanceScales | undefined; own: GuidanceScale; streams: SampleStreams },
): Float32Array {
  if (given !== undefined) {
    return readScales(n, given);
  }
  if (typeof own === "number") {
    return new Float32Array(n).fill(own);
  }
  const [low, high] = own;
  const drawn = streams.fold("guidance");
  return Float32Array.from({ length: n }, (_, i) => low + (high - low) * drawn.at(i).uniform());
}

/** Scales of n samples from conditioning; 0, no guidance, where there are none. @throws as `drawScales` */
export function readScales(n: number, given: GuidanceScales | undefined): Float32Array {
  const scales = typeof given === "number" || given === undefined ? new Float32Array(n).fill(given ?? 0) : given;
  if (scales.length !== n) {
    throw new ShapeError(`guidanceScale holds ${scales.length} scales for ${n} samples.`, [n], [scales.length]);
  }
  const wrong = Array.from(scales).findIndex((scale) => !Number.isFinite(scale));
  if (wrong >= 0) {
    throw new ArgumentError(
      `guidanceScale must be finite, got ${String(scales[wrong])} for sample ${wrong}.`,
      "guidanceScale",
      scales[wrong],
    );
  }
  return Float32Array.from(scales);
}
