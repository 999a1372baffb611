import { DDTensor, type OutputType, outputTypes } from "@diffusiongym/core";
import { DDPO, type DDPOOptions, FlowGRPO, LogVariance, type Method, Reinforce } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import {
  type GradientProblem,
  gradientProblem,
  judgeSteps,
  lambda,
  n,
  type Recorded,
  record,
  recordingOptimizer,
  slopesOf,
} from "./losses.js";

type Judged = Awaited<ReturnType<typeof judgeSteps>>;
type Setup = Required<Pick<DDPOOptions, "optimizer">> & GradientProblem & { readonly [name: string]: unknown };

/** A method, and its loss as a function of what the steps are now and were in the rollout. */
interface Case {
  readonly name: string;
  readonly make: (setup: Setup) => Method;
  readonly loss: (now: Judged, before: Judged, paths: Recorded) => number;
  /** Updates from the rollout. */
  readonly updates: number;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const others = (values: readonly number[], i: number): number =>
  (values.reduce((a, b) => a + b, 0) - values[i]!) / (values.length - 1);
const samples = Array.from({ length: n }, (_, i) => i);
const klOf = ({ u }: Judged, { dts }: Recorded): number[][] =>
  u.map((row, k) => row.map((value) => (dts[k]! / 2) * value ** 2));
const laterOf = (costs: readonly (readonly number[])[]): number[][] =>
  costs.map((_, k) => samples.map((i) => costs.slice(k + 1).reduce((sum, row) => sum + row[i]!, 0)));
const clipped = (ratio: number, advantage: number, clip: number): number =>
  Math.min(ratio * advantage, Math.min(1 + clip, Math.max(1 - clip, ratio)) * advantage);
const standardized = ({ rewards }: Recorded, softening = 0): number[] => {
  const center = mean(rewards);
  const std = Math.sqrt(mean(rewards.map((reward) => (reward - center) ** 2)));
  return rewards.map((reward) => (reward - center) / (std + softening));
};

const cases: Case[] = [
  {
    name: "DDPO, two updates with clipped ratios",
    make: (setup) => new DDPO({ ...setup, innerEpochs: 2 }),
    updates: 2,
    loss: (now, before, paths) => {
      const advantages = standardized(paths, 1e-4);
      return -mean(
        samples.map((i) =>
          now.log.reduce(
            (sum, row, k) => sum + clipped(Math.exp(row[i]! - before.log[k]![i]!), advantages[i]!, 0.2),
            0,
          ),
        ),
      );
    },
  },
  {
    name: "DDPO with small deviations raised to .5",
    make: (setup) => new DDPO({ ...setup, innerEpochs: 2, leastDeviation: 0.5 }),
    updates: 2,
    loss: (now, before, paths) => {
      const advantages = standardized(paths, 1e-4);
      return -mean(
        samples.map((i) =>
          now.log.reduce((sum, row, k) => {
            const raised = Math.min(1, now.deviations[k]! / 0.5) ** 2;
            return sum + clipped(Math.exp(raised * (row[i]! - before.log[k]![i]!)), advantages[i]!, 0.2);
          }, 0),
        ),
      );
    },
  },
  {
    name: "DDPO with the score function",
    make: (setup) => new DDPO({ ...setup, estimator: "score" }),
    updates: 1,
    loss: (now, _, paths) =>
      -mean(samples.map((i) => now.log.reduce((sum, row) => sum + standardized(paths, 1e-4)[i]! * row[i]!, 0))),
  },
  {
    name: "Flow-GRPO with KL to go",
    make: (setup) => new FlowGRPO({ ...setup, innerEpochs: 2, ratioClip: 0.1 }),
    updates: 2,
    loss: (now, before, paths) => {
      const later = laterOf(klOf(before, paths));
      const kl = klOf(now, paths);
      return mean(
        now.log.flatMap((row, k) =>
          samples.map((i) => {
            const advantage =
              paths.rewards[i]! - others(paths.rewards, i) - (later[k]![i]! - others(later[k]!, i)) / lambda;
            return kl[k]![i]! / lambda - clipped(Math.exp(row[i]! - before.log[k]![i]!), advantage, 0.1);
          }),
        ),
      );
    },
  },
  {
    name: "Flow-GRPO as published",
    make: (setup) => new FlowGRPO({ ...setup, klForm: "flow-grpo", innerEpochs: 2, ratioClip: 0.1 }),
    updates: 2,
    loss: (now, before, paths) => {
      const advantages = standardized(paths);
      const kl = klOf(now, paths);
      return mean(
        now.log
          .slice(0, -1)
          .flatMap((row, k) =>
            samples.map(
              (i) =>
                (kl[k]![i]! * paths.dts[k]!) / lambda -
                clipped(Math.exp(row[i]! - before.log[k]![i]!), advantages[i]!, 0.1),
            ),
          ),
      );
    },
  },
  {
    name: "REINFORCE with costs to go",
    make: (setup) => new Reinforce(setup),
    updates: 1,
    loss: (now, before, paths) => {
      const later = laterOf(klOf(before, paths));
      const kl = klOf(now, paths);
      return mean(
        samples.map((i) =>
          now.log.reduce((sum, row, k) => {
            const costs = samples.map((j) => later[k]![j]! - lambda * paths.rewards[j]!);
            return sum + (costs[i]! - others(costs, i)) * row[i]! + kl[k]![i]!;
          }, 0),
        ),
      );
    },
  },
  {
    name: "log-variance",
    make: (setup) => new LogVariance(setup),
    updates: 1,
    loss: (now, _, paths) => {
      const excess = samples.map((i) =>
        now.log.reduce((sum, row, k) => sum + row[i]! - now.base[k]![i]!, -lambda * paths.rewards[i]!),
      );
      return mean(excess.map((value) => (value - mean(excess)) ** 2)) * (n / (n - 1));
    },
  },
  {
    name: "trajectory balance, from the base model's paths",
    make: (setup) => new LogVariance({ ...setup, normalizer: "scalar", behaviour: "base" }),
    updates: 1,
    loss: (now, _, paths) =>
      mean(
        samples.map(
          (i) => now.log.reduce((sum, row, k) => sum + row[i]! - now.base[k]![i]!, -lambda * paths.rewards[i]!) ** 2,
        ),
      ),
  },
];

describe.each(cases)("$name", ({ name, make, loss, updates }) => {
  it.each(outputTypes)("%s: the gradient that differences of the loss show", async (outputType: OutputType) => {
    const { seen, optimizer } = recordingOptimizer(0.15);
    const problem = gradientProblem(outputType);
    const method = make({
      ...problem,
      optimizer,
      batchSize: n,
      iterations: 1,
      seed: 3,
      maxGradientNorm: 1e9,
      rowsAtOnce: 2 * n,
    });
    const fresh = gradientProblem(outputType);
    if (name.includes("base model's")) {
      fresh.policy.parameters.data.fill(0);
    }
    const paths = await record(fresh);
    const trajectory = paths.states.map((x) => DDTensor.from(x, [n, 1]));
    const before = await judgeSteps(fresh, paths, trajectory);
    const metrics = await method.iterate();
    expect(seen).toHaveLength(updates);
    if (updates > 1) {
      expect(metrics.clip_fraction_up! + metrics.clip_fraction_down!).toBeGreaterThan(0);
    }
    for (const { parameters, gradients } of seen) {
      fresh.policy.parameters.data.set(parameters);
      const slopes = await slopesOf(fresh.policy, updates > 1 ? 1e-3 : 1e-2, async () =>
        loss(await judgeSteps(fresh, paths, trajectory), before, paths),
      );
      slopes.forEach((slope, index) => {
        expect(Math.abs(gradients[index]! - slope)).toBeLessThan(5e-3 * Math.max(0.2, Math.abs(slope)));
      });
    }
    if (name.startsWith("log-variance") || name.startsWith("trajectory")) {
      fresh.policy.parameters.data.set(seen[0]!.parameters);
      const expected = loss(await judgeSteps(fresh, paths, trajectory), before, paths);
      expect(Math.abs(metrics.loss! - expected)).toBeLessThan(1e-3 * expected);
    }
  });
});
