import {
  Cosine,
  constantNoise,
  DDTensor,
  Diffusion,
  memorylessNoise,
  type NoiseSchedule,
  OptimalTransport,
  type Scheduler,
} from "../../src/index.js";

/** An array of a golden file: row-major, non-finite numbers as strings. */
export interface GoldenArray {
  readonly shape: readonly number[];
  readonly dtype?: string;
  readonly data: readonly (number | string | boolean)[];
}

/** Arrays by name. */
export interface GoldenArrays {
  readonly [name: string]: GoldenArray;
}

export type GoldenScheduler =
  | { readonly type: "ot" }
  | { readonly type: "cosine"; readonly nu: number }
  | { readonly type: "diffusion"; readonly alpha_bar: string };

export type GoldenNoise = { readonly type: "memoryless" } | { readonly type: "constant"; readonly sigma: number };

/** The numbers of a golden array. */
export function numbers({ data }: GoldenArray): number[] {
  return data.map((value) => (value === "inf" ? Infinity : value === "-inf" ? -Infinity : Number(value)));
}

/** A golden array as a batch. */
export function batch(array: GoldenArray): DDTensor {
  return DDTensor.from(numbers(array), array.shape);
}

/** A golden array as a flat Float32Array. */
export function floats(array: GoldenArray): Float32Array {
  return Float32Array.from(numbers(array));
}

/** A golden array whose samples hold one number repeated, as that number a sample. */
export function perSample(array: GoldenArray): number[] {
  const n = array.shape[0]!;
  const stride = array.data.length / n;
  const values = numbers(array);
  return Array.from({ length: n }, (_, i) => {
    const entries = new Set(values.slice(i * stride, (i + 1) * stride));
    if (entries.size !== 1) {
      throw new Error(`Sample ${i} holds ${entries.size} different numbers.`);
    }
    return values[i * stride]!;
  });
}

export function buildScheduler(spec: GoldenScheduler, alphaBars: GoldenArrays): Scheduler {
  switch (spec.type) {
    case "ot":
      return new OptimalTransport();
    case "cosine":
      return new Cosine(spec.nu);
    case "diffusion":
      return new Diffusion(numbers(alphaBars[spec.alpha_bar]!));
  }
}

export function buildNoise(spec: GoldenNoise): NoiseSchedule {
  return spec.type === "memoryless" ? memorylessNoise() : constantNoise(spec.sigma);
}
