import { constructEnv, type DDTensor, outputTypes, RandomKey, Trigonometric } from "@diffusiongym/core";
import { ValueMatching } from "@diffusiongym/methods";
import { GraphBuilder, linear, Network, ValueNetwork, zeros } from "@diffusiongym/nn";
import { QuadraticReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";

const lambda = 0.7;
const n = 8;
const [slope, bias] = [-0.3, 0.2];

/** V = slope x + bias, so that grad V is the slope wherever one looks. */
function lineValue(): ValueNetwork {
  const g = new GraphBuilder("line-value");
  g.input("t", ["N"]);
  g.output("value", linear(g, g.input("x", ["N", 1]), { name: "line", out: 1, initialization: zeros }));
  const network = Network.initialize(g.build(), RandomKey.fromSeed(0));
  network.parameters.get("line.weight").data.fill(slope);
  network.parameters.get("line.bias").data.fill(bias);
  return new ValueNetwork({ network });
}

describe("the loss and its gradient", () => {
  it.each(outputTypes.flatMap((type) => (["plain", "martingale"] as const).map((target) => [type, target] as const)))(
    "%s, %s target: sum_k dt_k mean_i ((V - cost to go) / lambda)^2",
    async (outputType, target) => {
      const model = new GaussianModel({ mean: 0.4, deviation: 0.6, outputType, scheduler: new Trigonometric() });
      const environment = constructEnv(model, new QuadraticReward({ center: [1] }), { steps: 4, rewardScale: lambda });
      // Looking ahead needs V at the end of a path, too, which weighs as much as the last step.
      const lookAhead = target === "martingale";
      const value = lineValue();
      const method = new ValueMatching({
        environment,
        value,
        iterations: 1,
        batchSize: n,
        target,
        lookAhead,
        weights: "uniform",
        maxGradientNorm: 1e9,
        learningRate: () => 0,
        seed: 3,
      });
      const { loss } = await method.iterate();

      // The same paths by core alone, under u = -sigma grad V.
      const sigmaAt = (t: Float32Array): Float64Array => environment.diffusion(t) as Float64Array;
      const control = (x: DDTensor, t: Float32Array): DDTensor => x.onesLike().scale(sigmaAt(t).map((s) => -s * slope));
      const sample = await environment
        .withPolicies({ controlPolicy: { control } })
        .sample(n, { seed: 3, indexOffset: n, record: "all" });
      const rows: { x: number; weight: number; target: number }[] = [];
      let costs = Array.from(sample.rewards, (reward) => -lambda * reward);
      const addRows = (x: DDTensor, dt: number): void => {
        rows.push(...costs.map((cost, i) => ({ x: x.data[i]!, weight: dt / (n * lambda ** 2), target: cost })));
      };
      if (lookAhead) {
        addRows(sample.latent, 1 - environment.timesteps.at(-2)!);
      }
      for (let k = environment.steps - 1; k >= 0; k--) {
        const [time, after] = [environment.timesteps[k]!, environment.timesteps[k + 1]!];
        const dt = after - time;
        const t = new Float32Array(n).fill(time);
        const sigma = sigmaAt(t)[0]!;
        const u = -sigma * slope;
        const x = sample.trajectory[k]!;
        const drift = (await environment.drift(x, t, {})).drift.data;
        costs = costs.map((cost, i) => {
          const step = sample.trajectory[k + 1]!.data[i]! - x.data[i]! - dt * (drift[i]! + sigma * u);
          const noise = step / (sigma * Math.sqrt(dt));
          return cost + (dt / 2) * u ** 2 + (target === "martingale" ? Math.sqrt(dt) * u * noise : 0);
        });
        addRows(x, dt);
      }
      const lossAt = (a: number, b: number): number =>
        rows.reduce((sum, { x, weight, target: cost }) => sum + weight * (a * x + b - cost) ** 2, 0);
      expect(Math.abs(loss! - lossAt(slope, bias))).toBeLessThan(1e-3 * lossAt(slope, bias));
      const h = 1e-4;
      const expected = {
        "line.weight": (lossAt(slope + h, bias) - lossAt(slope - h, bias)) / (2 * h),
        "line.bias": (lossAt(slope, bias + h) - lossAt(slope, bias - h)) / (2 * h),
      };
      for (const [name, difference] of Object.entries(expected)) {
        expect(Math.abs(difference)).toBeGreaterThan(1e-3);
        expect(Math.abs(value.network.gradients.get(name).data[0]! - difference)).toBeLessThan(
          2e-3 * Math.max(1, Math.abs(difference)),
        );
      }
    },
  );
});
