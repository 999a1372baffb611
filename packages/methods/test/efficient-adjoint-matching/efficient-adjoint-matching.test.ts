import {
  constructEnv,
  convertOutput,
  DDTensor,
  type Environment,
  type NoConditioning,
  type OutputType,
  outputTypes,
} from "@diffusiongym/core";
import {
  baseScore,
  drawEndpoints,
  EfficientAdjointMatching,
  type EfficientAdjointMatchingOptions,
  noiseEndpoints,
  type PolicyRegression,
  type ResidualPolicy,
  repeatedIndices,
} from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { HalfSpaceReward, LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { lineNetwork, residualPolicy } from "../support/policies.js";

const lambda = 0.7;
const problem = (outputType: OutputType = "velocity", deviation = 0.5): Environment =>
  constructEnv(new GaussianModel({ mean: 1, deviation, outputType }), new LinearReward(), {
    steps: 6,
    rewardScale: lambda,
  });

function make(
  options: Partial<EfficientAdjointMatchingOptions> = {},
  environment = problem(),
): EfficientAdjointMatching {
  const policy = residualPolicy(environment.baseModel);
  return new EfficientAdjointMatching({ environment, policy, batchSize: 32, iterations: 4, odeSteps: 6, ...options });
}

/** The rows of a method's only iteration, as its policy is given them. */
async function rowsOf(method: EfficientAdjointMatching): Promise<PolicyRegression<DDTensor, NoConditioning>> {
  let rows: PolicyRegression<DDTensor, NoConditioning> | undefined;
  const policy = method.policy as ResidualPolicy;
  const regress = policy.regress.bind(policy);
  policy.regress = (batch) => {
    rows = batch;
    return regress(batch);
  };
  await method.iterate();
  return rows!;
}

describe("the score of the data", () => {
  it.each(outputTypes)("%s: is that of the base law, blurred by beta / alpha", async (outputType) => {
    const model = new GaussianModel({ mean: 1, deviation: 0.5, outputType });
    const x = DDTensor.from([[-0.5], [1], [2]]);
    const scores = await baseScore(model, x, {}, 0.99);
    const blurred = 0.25 + (0.01 / 0.99) ** 2;
    scores.data.forEach((score, i) => {
      expect(Math.abs(score + (x.data[i]! - 1) / blurred)).toBeLessThan(2e-3);
    });
  });
});

describe("efficient adjoint matching", () => {
  it("keeps the promises of every method", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) =>
        make(
          { environment, iterations, learningRate: 2e-2, policy: residualPolicy(environment.baseModel) },
          environment,
        ),
      adapted: (method) => ({ policy: method.adapted }),
      iterations: 40,
      // It fits the base score again, from few noisy samples.
      zeroRewardKl: 0.02,
      refused: {
        "a differentiable reward": () =>
          make({}, constructEnv(new GaussianModel(), new HalfSpaceReward({ threshold: 0 }), { steps: 4 })),
      },
    });
  });

  it.each(outputTypes)("%s: the targets are the outputs of one score", async (outputType) => {
    const score = (x1: DDTensor): DDTensor => x1.sub(1).mul(-4);
    const rows = await rowsOf(make({ score }, problem(outputType)));
    const environment = problem(outputType);
    const { scheduler } = environment.baseModel as GaussianModel;
    const { latent } = await drawEndpoints({ environment, n: 32, seed: 0, indexOffset: 32, steps: 6 });
    rows.x.data.forEach((x, row) => {
      const t = rows.t[row]!;
      const [alpha, beta] = [scheduler.alpha(t), scheduler.beta(t)];
      const variance = alpha ** 2 + beta ** 2;
      const x1 = latent.data[Math.floor(row / 4)]!;
      const expected = -x / variance + (alpha / variance) * (lambda - 4 * (x1 - 1) + x1);
      const toScore = convertOutput(outputType, "score", scheduler, t);
      const implied = toScore.state * x + toScore.output * rows.targets.data[row]!;
      expect(Math.abs(implied - expected)).toBeLessThan(
        1e-4 * Math.max(1, Math.abs(expected)) + 1e-6 * Math.abs(toScore.output),
      );
    });
  });

  it.each(outputTypes)(
    "%s: the loss is the weighted error of the velocity, with the gradient that differences show",
    async (outputType) => {
      const environment = problem(outputType);
      const policy = residualPolicy(environment.baseModel, { definition: lineNetwork() });
      policy.parameters.data.set([0.1, -0.2]);
      const method = make({ policy, maxGradientNorm: 1e9 }, environment);
      const { data } = policy.parameters;
      const start = data.slice();
      const { scheduler } = environment.baseModel as GaussianModel;
      // The endpoints are those of the policy before the update.
      const { latent } = await drawEndpoints({ environment, policy, n: 32, seed: 0, indexOffset: 32, steps: 6 });
      const force = latent.add(await baseScore(environment.baseModel, latent, {}, 0.99)).add(lambda);
      const indices = repeatedIndices(32, 4);
      const key = (method as unknown as { key(purpose: string): Parameters<typeof noiseEndpoints>[0]["key"] })
        .key("noisings")
        .fold(0);
      const { xt, t } = noiseEndpoints({ model: environment.baseModel, x1: latent.take(indices), key });
      const loss = async (): Promise<number> => {
        const output = await policy.forward(xt, t, {});
        let sum = 0;
        for (let row = 0; row < 128; row++) {
          const time = t[row]!;
          const [alpha, beta] = [scheduler.alpha(time), scheduler.beta(time)];
          const variance = alpha ** 2 + beta ** 2;
          const score = -xt.data[row]! / variance + (alpha / variance) * force.data[indices[row]!]!;
          const velocity = scheduler.kappa(time) * xt.data[row]! + scheduler.eta(time) * score;
          const map = convertOutput(outputType, "velocity", scheduler, time);
          const own = map.state * xt.data[row]! + map.output * output.data[row]!;
          sum += ((own - velocity) ** 2 * alpha ** 2) / variance / 128;
        }
        return sum;
      };
      const expected = await loss();
      const slopes: number[] = [];
      for (const index of [0, 1]) {
        data[index] = start[index]! + 1e-2;
        const above = await loss();
        data[index] = start[index]! - 1e-2;
        slopes.push((above - (await loss())) / 2e-2);
        data[index] = start[index]!;
      }
      const metrics = await method.iterate();
      expect(Math.abs(metrics.loss! - expected)).toBeLessThan(2e-3 * expected);
      slopes.forEach((slope, index) => {
        expect(Math.abs(policy.gradients.data[index]! - slope)).toBeLessThan(1e-2 * Math.max(1, Math.abs(slope)));
      });
    },
  );

  it("names an option that is out of range", () => {
    for (const options of [{ odeSteps: 0 }, { noisings: 0.5 }, { scoreTime: 1 }]) {
      expect(() => make(options)).toThrow(Object.keys(options)[0]);
    }
  });
});
