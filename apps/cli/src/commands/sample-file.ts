import type { AnyData, Sample, Tensor } from "@diffusiongym/core";
import { UsageError } from "../arguments/index.js";

/** Nested arrays of numbers. */
type Nested = number | readonly Nested[];

/** Formats in which samples are written. */
export const sampleFormats = ["json", "csv"] as const;

/** Samples as JSON: `samples` holds nested arrays, one entry a sample, or a record of such for data of several tensors. */
export function samplesAsJson(sample: Sample<AnyData, object>): Record<string, unknown> {
  const tensors = sample.sample.tensors();
  const names = sample.sample.partNames();
  return {
    samples:
      tensors.length === 1
        ? nested(tensors[0]!)
        : Object.fromEntries(tensors.map((tensor, k) => [names[k] || `tensor${k}`, nested(tensor)])),
    rewards: Array.from(sample.rewards, shortest),
    valid: Array.from(sample.valids, (valid) => valid === 1),
  };
}

/**
 * Samples as CSV: columns x1 ... xd, reward, valid.
 * @throws UsageError for data other than vectors
 */
export function samplesAsCsv(sample: Sample<AnyData, object>): string {
  const [tensor] = checkCsv(sample.sample);
  const d = tensor.shape[1] ?? 1;
  const header = [...Array.from({ length: d }, (_, a) => `x${a + 1}`), "reward", "valid"].join(",");
  const rows = Array.from({ length: sample.length }, (_, i) =>
    [
      ...Array.from({ length: d }, (_, a) => shortest(tensor.data[i * d + a]!)),
      shortest(sample.rewards[i]!),
      sample.valids[i]!,
    ].join(","),
  );
  return `${[header, ...rows].join("\n")}\n`;
}

/** Refuses data that has no columns. */
export function checkCsv(data: AnyData): [Tensor] {
  const tensors = data.tensors();
  if (tensors.length !== 1 || tensors[0]!.shape.length > 2) {
    throw new UsageError("--format csv: only vectors fit into columns; use --format json.", "sample");
  }
  return [tensors[0]!];
}

function nested({ data, shape }: Tensor): Nested {
  const build = (axis: number, offset: number, stride: number): Nested => {
    if (axis === shape.length) {
      return shortest(data[offset]!);
    }
    const inner = stride / Math.max(1, shape[axis]!);
    return Array.from({ length: shape[axis]! }, (_, i) => build(axis + 1, offset + i * inner, inner));
  };
  return build(0, 0, data.length);
}

/** The shortest decimal that is the same 32-bit float. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) {
      return candidate;
    }
  }
  return Number(value.toPrecision(9));
}
