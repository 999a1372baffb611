import type { DDTensor } from "@diffusiongym/core";
import { constructEnv, convertOutput, type Environment, type OutputType, Trigonometric } from "@diffusiongym/core";
import type { Method, ResidualPolicy } from "@diffusiongym/methods";
import { QuadraticReward } from "@diffusiongym/toy";
import { expect, vi } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { lineNetwork, residualPolicy } from "../support/policies.js";

/** A problem on the line with a policy of two parameters, which are set after the method has copied them as "old". */
export interface GradientProblem {
  readonly environment: Environment;
  readonly policy: ResidualPolicy;
}

/** One noised endpoint, in numbers and in units of the velocity. */
export interface GradientRow {
  readonly x1: number;
  readonly x0: number;
  readonly t: number;
  readonly xt: number;
  readonly reward: number;
  /** alphaDot x1 + betaDot x0. */
  readonly conditional: number;
  /** Of the base model, which the old policy still is. */
  readonly reference: number;
  /** Of the policy before the update. */
  readonly frozen: number;
}

interface Noised {
  readonly xt: DDTensor;
  readonly t: Float32Array;
  readonly x0: DDTensor;
  readonly sources: Int32Array;
}

interface Batch {
  readonly x1: DDTensor;
  readonly rewards: Float32Array;
}

/** The parameters at which gradients are compared. */
export const parameters = [0.2, -0.3] as const;

/**
 * Compares the loss and the gradient of a method's first iteration with differences of the loss as METHODS writes it.
 * @param rowLoss the loss of a row for a velocity v; everything else in it is constant
 */
export async function compareGradients(options: {
  readonly outputType: OutputType;
  readonly make: (problem: GradientProblem) => Method;
  readonly rowLoss: (
    row: GradientRow,
    v: number,
    rows: readonly GradientRow[],
    velocities: { base(x: number, t: number): number; policy(x: number, t: number): number },
  ) => number;
  /** The member that noises endpoints, whose result is watched: as it is, or under `rows`. @default "noise" */
  readonly method?: "noise" | "draw";
  readonly tolerance?: number;
}): Promise<void> {
  const { outputType, make, rowLoss, tolerance = 2e-3, method: watched = "noise" } = options;
  const scheduler = new Trigonometric();
  const model = new GaussianModel({ mean: 0.4, deviation: 0.6, outputType, scheduler });
  const environment = constructEnv(model, new QuadraticReward({ center: [1] }), { steps: 4, rewardScale: 0.7 });
  const policy = residualPolicy(model, { definition: lineNetwork() });
  const method = make({ environment, policy });
  policy.parameters.data.set(parameters);
  const spy = vi.spyOn(method as unknown as { [name: string]: (batch: Batch) => Noised | { rows: Noised } }, watched);
  const metrics = await method.iterate();
  const [batch] = spy.mock.calls[0]!;
  const result = spy.mock.results[0]!.value as Noised | { rows: Noised };
  const noised = "rows" in result ? result.rows : result;

  const velocityAt = (weights: readonly number[], x: number, t: number): number => {
    const { slope, offset } = model.affine(scheduler, t);
    const map = convertOutput(outputType, "velocity", scheduler, t);
    return map.state * x + map.output * (slope * x + offset + weights[0]! * x + weights[1]!);
  };
  const rows = Array.from(noised.t, (t, i): GradientRow => {
    const x1 = batch.x1.data[noised.sources[i]!]!;
    const [x0, xt] = [noised.x0.data[i]!, noised.xt.data[i]!];
    return {
      x1,
      x0,
      t,
      xt,
      reward: batch.rewards[noised.sources[i]!]!,
      conditional: scheduler.alphaDot(t) * x1 + scheduler.betaDot(t) * x0,
      reference: velocityAt([0, 0], xt, t),
      frozen: velocityAt(parameters, xt, t),
    };
  });
  const velocities = {
    base: (x: number, t: number): number => velocityAt([0, 0], x, t),
    policy: (x: number, t: number): number => velocityAt(parameters, x, t),
  };
  const loss = (weights: readonly number[]): number =>
    rows.reduce((sum, row) => sum + rowLoss(row, velocityAt(weights, row.xt, row.t), rows, velocities), 0) /
    rows.length;
  const expected = loss(parameters);
  expect(Math.abs(metrics.loss! - expected)).toBeLessThan(tolerance * Math.max(1e-3, expected));
  for (const index of [0, 1]) {
    const moved = (by: number): number[] => parameters.map((value, k) => value + (k === index ? by : 0));
    const slope = (loss(moved(1e-4)) - loss(moved(-1e-4))) / 2e-4;
    expect(Math.abs(slope)).toBeGreaterThan(1e-3);
    expect(Math.abs(policy.gradients.data[index]! - slope)).toBeLessThan(tolerance * Math.max(1, Math.abs(slope)));
  }
}
