import { describe, expect, it } from "vitest";
import { expectAllClose, type Tolerance } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import {
  DDTensor,
  Environment,
  OptimalTransport,
  type OutputType,
  type ValueFunction,
  ValuePolicy,
} from "../../src/index.js";
import {
  batch,
  buildNoise,
  buildScheduler,
  floats,
  type GoldenArray,
  type GoldenArrays,
  type GoldenNoise,
  type GoldenScheduler,
  numbers,
  perSample,
} from "../support/golden.js";
import {
  asNumbers,
  expectedStep,
  mapSamples,
  type ReferenceConditioning,
  ReferenceModel,
  ReferenceNetworks,
  referenceReward,
} from "../support/reference-model.js";

type Arrays = { readonly [name: string]: GoldenArray };

interface GoldenCase {
  readonly group: "value_policy" | "coupled" | "rollout" | "errors";
  readonly name: string;
  readonly scheduler: GoldenScheduler;
  readonly noise_schedule: GoldenNoise;
  readonly params: string;
  readonly q: number;
  readonly x: GoldenArray;
  readonly t: GoldenArray;
  readonly kwargs: { readonly shift?: GoldenArray };
  readonly output_type: OutputType;
  readonly discretization_steps: number;
  readonly reward_scale: number;
  readonly x0: GoldenArray;
  readonly noise: GoldenArray;
  readonly expected: { readonly f32: Arrays; readonly f64: Arrays };
}

const golden = await loadFixture<{
  readonly params: { readonly [name: string]: GoldenArrays };
  readonly alpha_bars: GoldenArrays;
  readonly cases: readonly GoldenCase[];
}>("packages/core/test/fixtures/reference-value-policy.json.gz");

/** The file's tolerance for a float32 implementation. */
const single: Tolerance = { relative: 2e-5, absolute: 1e-6 };
const none = {} as ReferenceConditioning;

/** The file's value function, times 1 + shift where the conditioning has one. */
function valueFunction(networks: ReferenceNetworks, q: number): ValueFunction<DDTensor, ReferenceConditioning> {
  const scale = (conditioning: ReferenceConditioning, i: number): number => 1 + (conditioning.shift?.[i] ?? 0);
  return {
    value: (x, t, conditioning) =>
      Float32Array.from(t, (time, i) => scale(conditioning, i) * networks.value(x.at(i).data, time, q)),
    gradient: (x, t, conditioning) =>
      mapSamples(x, (z, i) => networks.valueGradient(z, t[i]!, q).map((slope) => scale(conditioning, i) * slope)),
  };
}

function setupOf(one: GoldenCase): {
  networks: ReferenceNetworks;
  policy: ValuePolicy<DDTensor, ReferenceConditioning>;
  model: ReferenceModel;
} {
  const networks = new ReferenceNetworks(golden.params[one.params]!);
  const scheduler = buildScheduler(one.scheduler, golden.alpha_bars);
  return {
    networks,
    policy: new ValuePolicy({ value: valueFunction(networks, one.q), scheduler }),
    model: new ReferenceModel(networks, one.output_type ?? "velocity", scheduler),
  };
}

describe("reference/value_policy.json", () => {
  const cases = golden.cases.filter(({ group }) => group === "value_policy");
  const isMemoryless = ({ noise_schedule }: GoldenCase): boolean => noise_schedule.type === "memoryless";

  it("has 48 cases, 16 of them memoryless", () => {
    expect(golden.cases).toHaveLength(52);
    expect(cases).toHaveLength(48);
    expect(cases.filter(isMemoryless)).toHaveLength(16);
  });

  it.each(cases)("$name", async (one) => {
    const { networks, policy, model } = setupOf(one);
    const [x, t] = [batch(one.x), floats(one.t)];
    const conditioning = one.kwargs.shift ? { shift: floats(one.kwargs.shift) } : none;
    const environment = new Environment(model, referenceReward, {
      noiseSchedule: buildNoise(one.noise_schedule),
      allowExpansiveGrid: true,
    }).withPolicies({ controlPolicy: policy });
    const value = await policy.value.value(x, t, conditioning);
    const gradient = await policy.value.gradient(x, t, conditioning);
    const control = await policy.control(x, t, conditioning);
    const { drift, runningCosts } = await environment.drift(x, t, conditioning);

    for (const expected of [one.expected.f64, one.expected.f32]) {
      expectAllClose(value, numbers(expected.value!), single);
      expectAllClose(gradient.data, numbers(expected.gradient!), single);
      if (isMemoryless(one)) {
        expectAllClose(control.data, numbers(expected.control!), single);
        if (expected.drift) {
          expectAllClose(drift.data, numbers(expected.drift), single);
          expectAllClose(runningCosts, numbers(expected.running_cost!), single);
        }
      }
    }
    // DECISIONS 1 and 2: u is -sigma_ml grad V whatever the sampling noise; the drift moves by G sigma_ml / b_ml u and
    // the cost is that of G sigma_ml / (b_ml sigma) u. For velocity G = 1 + rho and b_ml = 2.
    const { scheduler } = model;
    const stride = x.data.length / x.length;
    const sigma = one.noise_schedule.type === "memoryless" ? ("memoryless" as const) : one.noise_schedule.sigma;
    for (let i = 0; i < x.length; i++) {
      const z = Array.from(x.at(i).data);
      const eta = scheduler.eta(t[i]!);
      const memoryless = Math.sqrt(2 * eta);
      const slopes = networks
        .valueGradient(z, t[i]!, one.q)
        .map((slope) => (1 + (conditioning.shift?.[i] ?? 0)) * slope);
      const u = slopes.map((slope) => -memoryless * slope);
      const gain = sigma === "memoryless" ? 2 : 1 + sigma ** 2 / (2 * eta);
      const effective = sigma === 0 || sigma === "memoryless" ? 1 : (gain * memoryless) / (2 * sigma);
      const base = expectedStep(
        { networks, scheduler, outputType: "velocity", sigma, policy: false, control: false },
        z,
        t[i]!,
      ).drift;
      expectAllClose(control.at(i).data, u, single);
      expectAllClose(
        drift.data.subarray(i * stride, (i + 1) * stride),
        base.map((b, j) => b + ((gain * memoryless) / 2) * u[j]!),
        { relative: 3e-5, absolute: 3e-5 },
      );
      expectAllClose([runningCosts[i]!], [u.reduce((sum, entry) => sum + (effective * entry) ** 2 / 2, 0)], {
        relative: 3e-5,
        absolute: 3e-5,
      });
    }
  });

  it("a value that couples the batch: the gradient is that of the sum over the batch", async () => {
    const one = golden.cases.find(({ group }) => group === "coupled")!;
    const value: ValueFunction<DDTensor, ReferenceConditioning> = {
      value: (x) => new Float32Array(x.length),
      gradient: (x) => {
        const [n, d] = x.shape as [number, number];
        const means = Array.from({ length: d }, (_, j) =>
          Array.from({ length: n }, (_, i) => x.data[i * d + j]! / n).reduce((sum, entry) => sum + entry, 0),
        );
        return mapSamples(x, () => means);
      },
    };
    const policy = new ValuePolicy({ value, scheduler: buildScheduler(one.scheduler, golden.alpha_bars) });
    const control = await policy.control(batch(one.x), floats(one.t), none);
    expectAllClose(control.data, numbers(one.expected.f64.control!), single);
    expectAllClose(control.data, numbers(one.expected.f32.control!), single);
  });

  it("a rollout under the policy", async () => {
    const one = golden.cases.find(({ group }) => group === "rollout")!;
    const { policy, model } = setupOf(one);
    const environment = new Environment(model, referenceReward, {
      steps: one.discretization_steps,
      timeGrid: "reference",
      allowExpansiveGrid: true,
      noiseSchedule: buildNoise(one.noise_schedule),
      rewardScale: one.reward_scale,
    }).withPolicies({ controlPolicy: policy });
    const rows = (array: GoldenArray): number[][] => {
      const stride = array.data.length / array.shape[0]!;
      const values = numbers(array);
      return Array.from({ length: array.shape[0]! }, (_, k) => values.slice(k * stride, (k + 1) * stride));
    };
    const noises = rows(one.noise).map((noise) => DDTensor.from(noise, one.x0.shape));
    const sample = await environment.sample(3, { x0: batch(one.x0), noises, record: "all" });
    // "same conventions as rollouts.json", whose tolerance for rollouts in float32 this is.
    const rollout: Tolerance = { relative: 1e-4, absolute: 1e-4 };
    for (const expected of [one.expected.f32, one.expected.f64]) {
      rows(expected.trajectory!).forEach((x, k) => {
        expectAllClose(sample.trajectory[k]!.data, x, rollout);
      });
      rows(expected.drifts!).forEach((drift, k) => {
        expectAllClose(sample.drifts[k]!.data, drift, rollout);
      });
      sample.diffusions.forEach((sigma, k) => {
        const { shape } = expected.diffusions!;
        const row = { shape: shape.slice(1), data: rows(expected.diffusions!)[k]! };
        expectAllClose(asNumbers(sigma, 3), perSample(row), rollout);
      });
      expectAllClose(sample.runningCosts.data, numbers(expected.running_costs!), rollout);
      expectAllClose(sample.sample.data, numbers(expected.sample!), rollout);
      expectAllClose(sample.latent.data, numbers(expected.latent!), rollout);
      expectAllClose(sample.rewards, numbers(expected.rewards!), rollout);
      expect(Array.from(sample.valids)).toEqual(numbers(expected.valids!));
    }
  });

  it("errors: a value that ignores x has zero control, whether or not it has parameters", async () => {
    // In the reference a constant without parameters is an error of automatic differentiation; ours takes the gradient
    // from the value function itself.
    const errors = golden.cases.filter(({ group }) => group === "errors");
    expect(errors.map(({ name }) => name)).toEqual([
      "value network output that needs no grad (constant)",
      "value network that has parameters but ignores x: zero control",
    ]);
    const one = errors[1]!;
    const constant: ValueFunction<DDTensor, ReferenceConditioning> = {
      value: (x) => new Float32Array(x.length).fill(3),
      gradient: (x) => x.zerosLike(),
    };
    const policy = new ValuePolicy({ value: constant, scheduler: new OptimalTransport() });
    const control = await policy.control(batch(one.x), floats(one.t), none);
    expectAllClose(control.data, numbers(one.expected.f32.control!), {});
  });
});
