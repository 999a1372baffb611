import { collate, type DiffusionData, sliceCoefficient, sliceConditioning } from "@diffusiongym/core";
import type { PolicyCotangents, PolicyRegression, PolicyRows, TrainablePolicy } from "../policies/index.js";

/** `policy.regress` of any number of rows, at most `rowsAtOnce` at a time: the same gradients up to rounding. */
export async function regressInParts<D extends DiffusionData<D>, C extends object>(
  policy: TrainablePolicy<D, C>,
  batch: PolicyRegression<D, C>,
  rowsAtOnce: number,
): Promise<{ readonly loss: number; readonly output: D }> {
  let loss = 0;
  const outputs: D[] = [];
  for (const [from, to] of ranges(batch.x.length, rowsAtOnce)) {
    const part = await policy.regress({
      ...sliceRows(batch, from, to),
      targets: batch.targets.slice(from, to),
      weights: sliceCoefficient(batch.weights, from, to),
      accumulate: (batch.accumulate ?? false) || from > 0,
    });
    loss += part.loss;
    outputs.push(part.output);
  }
  return { loss, output: collate(outputs) };
}

/** `policy.backward` of any number of rows, at most `rowsAtOnce` at a time. */
export async function backwardInParts<D extends DiffusionData<D>, C extends object>(
  policy: TrainablePolicy<D, C>,
  batch: PolicyCotangents<D, C>,
  rowsAtOnce: number,
): Promise<{ readonly output: D }> {
  const outputs: D[] = [];
  for (const [from, to] of ranges(batch.x.length, rowsAtOnce)) {
    const part = await policy.backward({
      ...sliceRows(batch, from, to),
      cotangents: batch.cotangents.slice(from, to),
      accumulate: (batch.accumulate ?? false) || from > 0,
    });
    outputs.push(part.output);
  }
  return { output: collate(outputs) };
}

function sliceRows<D extends DiffusionData<D>, C extends object>(
  { x, t, conditioning, reference }: PolicyRows<D, C>,
  from: number,
  to: number,
): PolicyRows<D, C> {
  return {
    x: x.slice(from, to),
    t: t.slice(from, to),
    conditioning: sliceConditioning(conditioning, from, to),
    ...(reference && { reference: reference.slice(from, to) }),
  };
}

function ranges(n: number, size: number): [number, number][] {
  return Array.from({ length: Math.ceil(n / size) }, (_, k) => [k * size, Math.min(n, (k + 1) * size)]);
}
