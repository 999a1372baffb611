import { Tensor, type TensorArray } from "@diffusiongym/core";
import type { NamedTensors } from "@diffusiongym/nn";

/** One row of a run of the network: a sample under a branch, and how much it counts in the guided output. */
export interface Row {
  readonly sample: number;
  readonly branch: "conditional" | "unconditional";
  readonly weight: number;
}

/** How the rows are shared out between runs. */
export interface RunPlan {
  /** Guidance scale of each sample. */
  readonly scales: Float32Array;
  /** Time of each sample. */
  readonly t: Float32Array;
  /** A run for each branch. */
  readonly separate: boolean;
  /** A run for each time. */
  readonly oneTime: boolean;
}

/** The runs that a batch needs; a branch that counts nothing in a sample is not computed for it. */
export function planRuns({ scales, t, separate, oneTime }: RunPlan): Row[][] {
  const runs = new Map<string, Row[]>();
  for (const branch of ["conditional", "unconditional"] as const) {
    for (let sample = 0; sample < scales.length; sample++) {
      const weight = branch === "conditional" ? 1 + scales[sample]! : -scales[sample]!;
      if (weight === 0) {
        continue;
      }
      const key = `${separate ? branch : ""} ${oneTime ? t[sample] : ""}`;
      const rows = runs.get(key) ?? [];
      rows.push({ sample, branch, weight });
      runs.set(key, rows);
    }
  }
  return [...runs.values()];
}

/** The sample of each row. */
export const samplesOf = (rows: readonly Row[]): number[] => rows.map(({ sample }) => sample);

/** What the network is given for the rows of a run, those under the condition first. */
export function branchRows(
  branches: Readonly<Record<Row["branch"], NamedTensors>>,
  rows: readonly Row[],
): Record<string, Tensor> {
  const [conditional, unconditional] = (["conditional", "unconditional"] as const).map((branch) =>
    samplesOf(rows.filter((row) => row.branch === branch)),
  );
  return Object.fromEntries(
    Object.entries(branches.conditional).map(([name, tensor]) => {
      const wanted = gatherRows(tensor, conditional!);
      const others = unconditional!.length > 0 && branches.unconditional[name];
      return [name, others ? joinRows(wanted, gatherRows(others, unconditional!)) : wanted];
    }),
  );
}

function joinRows(a: Tensor, b: Tensor): Tensor {
  const data = new (a.data.constructor as new (length: number) => TensorArray)(a.size + b.size);
  data.set(a.data);
  data.set(b.data, a.size);
  return new Tensor(data, [a.shape[0]! + b.shape[0]!, ...a.shape.slice(1)]);
}

/** Rows of a tensor in another order, some perhaps twice. */
export function gatherRows<A extends TensorArray>(tensor: Tensor<A>, rows: readonly number[]): Tensor<A> {
  const count = tensor.shape[0] ?? 0;
  if (rows.length === count && rows.every((row, i) => row === i)) {
    return tensor;
  }
  const size = count === 0 ? 0 : tensor.size / count;
  const data = new (tensor.data.constructor as new (length: number) => A)(rows.length * size);
  rows.forEach((row, i) => {
    data.set(tensor.data.subarray(row * size, (row + 1) * size), i * size);
  });
  return new Tensor(data, [rows.length, ...tensor.shape.slice(1)]);
}

/** Adds weight * row of the run to the sample that each row is of. */
export function addRows(into: Float32Array, from: Float32Array, rows: readonly Row[], weighted: boolean): void {
  const size = from.length / Math.max(rows.length, 1);
  rows.forEach(({ sample, weight }, i) => {
    const factor = weighted ? weight : 1;
    for (let j = 0; j < size; j++) {
      into[sample * size + j]! += factor * from[i * size + j]!;
    }
  });
}
