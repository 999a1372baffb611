import {
  Cosine,
  constantNoise,
  convertOutput,
  customNoise,
  DDTensor,
  Diffusion,
  Environment,
  memorylessNoise,
  type NoiseSchedule,
  OptimalTransport,
  type OutputType,
  outputTypes,
  type Policy,
  RandomKey,
  type Scheduler,
  SingularCoefficientError,
  scaledMemorylessNoise,
  Tensor,
  Trigonometric,
  VPLinear,
  ZeroReward,
} from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { GaussianModel } from "../support/gaussian-model.js";

const schedulers: { readonly [name: string]: Scheduler } = {
  "optimal transport": new OptimalTransport(),
  "cosine 1": new Cosine(1),
  "cosine 2": new Cosine(2),
  "diffusion linear": Diffusion.linear(),
  "diffusion scaled linear": Diffusion.scaledLinear(),
  "variance preserving": new VPLinear(),
  trigonometric: new Trigonometric(),
};
const noises: { readonly [name: string]: NoiseSchedule } = {
  memoryless: memorylessNoise(),
  "scaled memoryless 0.7": scaledMemorylessNoise(0.7),
  "constant 0.5": constantNoise(0.5),
  ODE: constantNoise(0),
  "1 - t": customNoise((t) => 1 - t, "1 - t"),
};
const cases = Object.entries(schedulers).flatMap(([name, scheduler]) =>
  Object.entries(noises).map(([noiseName, noise]) => ({ name, noiseName, scheduler, noise })),
);
const times = [0.1, 0.35, 0.6, 0.9];
const t = Float32Array.from(times);
const normals = (name: string): DDTensor =>
  new DDTensor(Tensor.zeros([times.length, 3])).randnLike(RandomKey.fromSeed(0).fold(name).streams());
const none = {};

function environmentOf(
  { scheduler, noise }: { scheduler: Scheduler; noise: NoiseSchedule },
  outputType: OutputType,
): { environment: Environment<DDTensor, object>; model: GaussianModel<DDTensor, object> } {
  const template = (n: number): DDTensor => new DDTensor(Tensor.zeros([n, 3]));
  const model = new GaussianModel<DDTensor, object>({ template, scheduler, outputType });
  const options = { noiseSchedule: noise, allowExpansiveGrid: true };
  return { environment: new Environment(model, new ZeroReward<DDTensor, object>(), options), model };
}

/** The same adapted field in an output type: data of another mean. */
function otherMean(scheduler: Scheduler, outputType: OutputType): Policy<DDTensor, object> {
  const template = (n: number): DDTensor => new DDTensor(Tensor.zeros([n, 3]));
  return new GaussianModel<DDTensor, object>({ template, scheduler, outputType, mean: -1.5 });
}

describe.each(cases)("$name, $noiseName", (one) => {
  it("the four output types give the same drift, cost and endpoint for the same field, policy and control", async () => {
    const x = normals("x");
    const u = normals("u");
    const results = [];
    for (const outputType of outputTypes) {
      const { environment } = environmentOf(one, outputType);
      const adapted = environment.withPolicies({
        policy: otherMean(one.scheduler, outputType),
        controlPolicy: { control: () => u },
      });
      results.push({
        base: await environment.drift(x, t, none),
        adapted: await adapted.drift(x, t, none),
        endpoint: await adapted.predFinal(x, t, none),
      });
    }
    const [velocity, ...others] = results;
    // Outputs are rounded to float32 before they are multiplied by coefficients of up to 1e3.
    const tolerance = { relative: 2e-4, absolute: 2e-4 };
    for (const other of others) {
      expectAllClose(other.base.drift.data, velocity!.base.drift.data, tolerance);
      expectAllClose(other.adapted.drift.data, velocity!.adapted.drift.data, tolerance);
      expectAllClose(other.adapted.runningCosts, velocity!.adapted.runningCosts, tolerance);
      expectAllClose(other.endpoint.data, velocity!.endpoint.data, tolerance);
      expect(Array.from(other.base.runningCosts)).toEqual([0, 0, 0, 0]);
    }
  });

  it.each(outputTypes)("%s: a control is the policy that its shift of the output makes (DECISIONS 1)", async (type) => {
    const { environment, model } = environmentOf(one, type);
    const x = normals("x");
    const u = normals("u");
    const shift: Policy<DDTensor, object> = {
      forward: (state, time) =>
        model
          .forward(state, time, none)
          .add(u.mul(Float64Array.from(time, (s) => controlShift(type, one.scheduler, s)))),
    };
    const byControl = environment.withPolicies({ controlPolicy: { control: () => u } });
    const byPolicy = environment.withPolicies({ policy: shift });
    const [a, b] = [await byControl.drift(x, t, none), await byPolicy.drift(x, t, none)];
    const tolerance = { relative: 5e-4, absolute: 5e-4 };
    expectAllClose(b.drift.data, a.drift.data, tolerance);
    expectAllClose(b.runningCosts, a.runningCosts, tolerance);
    expectAllClose(
      (await byPolicy.predFinal(x, t, none)).data,
      (await byControl.predFinal(x, t, none)).data,
      tolerance,
    );
  });

  it.each(outputTypes)(
    "%s: the cost is Girsanov's, half the squared drift difference over sigma (DECISIONS 2)",
    async (type) => {
      const { environment } = environmentOf(one, type);
      const x = normals("x");
      const adapted = environment.withPolicies({
        policy: otherMean(one.scheduler, type),
        controlPolicy: { control: () => normals("u") },
      });
      const base = await environment.drift(x, t, none);
      const { drift, runningCosts } = await adapted.drift(x, t, none);
      const squares = drift.sub(base.drift).squaredNorm();
      if (one.noiseName === "ODE") {
        // Reported for the memoryless process, of which it is the cost along equal marginals.
        const memoryless = environmentOf({ ...one, noise: memorylessNoise() }, type).environment.withPolicies({
          policy: otherMean(one.scheduler, type),
          controlPolicy: { control: () => normals("u") },
        });
        expectAllClose(runningCosts, (await memoryless.drift(x, t, none)).runningCosts, { relative: 1e-6 });
        return;
      }
      const expected = times.map((_, i) => squares[i]! / (2 * one.noise.sigma(t[i]!, one.scheduler) ** 2));
      expectAllClose(runningCosts, expected, { relative: 1e-3, absolute: 1e-4 });
    },
  );
});

/** sigma_ml / b_ml, written out for each type (METHODS 0.3). */
function controlShift(type: OutputType, scheduler: Scheduler, time: number): number {
  const sigma = Math.sqrt(2 * scheduler.eta(time));
  const [alpha, beta] = [scheduler.alpha(time), scheduler.beta(time)];
  const factors = {
    velocity: sigma / 2,
    epsilon: -beta / sigma,
    endpoint: beta ** 2 / (alpha * sigma),
    score: 1 / sigma,
  };
  return factors[type];
}

describe("path costs", () => {
  it("a constant control costs half its square times the time, and so do all noises for the ODE's convention", async () => {
    const u = 0.3;
    for (const noise of [memorylessNoise(), constantNoise(0)]) {
      const { environment } = environmentOf({ scheduler: new OptimalTransport(), noise }, "velocity");
      const controlled = environment.withPolicies({ controlPolicy: { control: (x) => x.onesLike().mul(u) } });
      const { pathCosts, timesteps } = await controlled.sample(4, { seed: 1 });
      const duration = 1 - timesteps[0]!;
      expectAllClose(pathCosts, new Array(4).fill((3 * u ** 2 * duration) / 2), { relative: 1e-6 });
    }
  });

  it("their mean is the path KL: that of two Gaussian chains, exactly", async () => {
    // Policy and base differ by a shift of the mean m, so their outputs differ by a constant at every time and the cost is
    // the same on every path: sum of dt/2 |sigma_ml / 2 ...|^2 with v* - v = beta-free factor times the shift.
    const scheduler = new Trigonometric();
    const { environment, model } = environmentOf({ scheduler, noise: memorylessNoise() }, "velocity");
    const policy = otherMean(scheduler, "velocity") as GaussianModel<DDTensor, object>;
    const { pathCosts, timesteps } = await environment.withPolicies({ policy }).sample(3, { seed: 2 });
    let expected = 0;
    for (let k = 0; k + 1 < timesteps.length; k++) {
      const time = timesteps[k]!;
      const difference = policy.output(scheduler, time).offset - model.output(scheduler, time).offset;
      const u = (2 * difference) / Math.sqrt(2 * scheduler.eta(time));
      expected += ((timesteps[k + 1]! - time) * 3 * u ** 2) / 2;
    }
    expectAllClose(pathCosts, [expected, expected, expected], { relative: 1e-4 });
  });
});

describe("convertOutput", () => {
  const arbitraryType = fc.constantFrom(...outputTypes);
  const arbitraryScheduler = fc.constantFrom(...Object.keys(schedulers));
  const arbitraryTime = fc.double({ min: 0.05, max: 0.95, noNaN: true });
  const arbitraryNumber = fc.double({ min: -3, max: 3, noNaN: true });

  it("there and back is the identity", () => {
    fc.assert(
      fc.property(
        arbitraryType,
        arbitraryType,
        arbitraryScheduler,
        arbitraryTime,
        arbitraryNumber,
        arbitraryNumber,
        (from, to, name, time, x, output) => {
          const scheduler = schedulers[name]!;
          const there = convertOutput(from, to, scheduler, time);
          const back = convertOutput(to, from, scheduler, time);
          const converted = there.state * x + there.output * output;
          // The products reach 1e6 where alpha is small, and cancel.
          const size =
            Math.abs(back.state * x) +
            Math.abs(back.output) * (Math.abs(there.state * x) + Math.abs(there.output * output));
          expect(Math.abs(back.state * x + back.output * converted - output)).toBeLessThan(1e-12 * (1 + size));
        },
      ),
      { seed: 1, numRuns: 400 },
    );
  });

  it("by way of a third type is the direct conversion", () => {
    fc.assert(
      fc.property(
        arbitraryType,
        arbitraryType,
        arbitraryType,
        arbitraryScheduler,
        arbitraryTime,
        (a, b, c, name, time) => {
          const scheduler = schedulers[name]!;
          const [ab, bc, ac] = [
            convertOutput(a, b, scheduler, time),
            convertOutput(b, c, scheduler, time),
            convertOutput(a, c, scheduler, time),
          ];
          const state = bc.state + bc.output * ab.state;
          const size = 1 + Math.abs(bc.state) + Math.abs(bc.output * ab.state);
          expect(Math.abs(state - ac.state)).toBeLessThan(1e-12 * size);
          expect(Math.abs(bc.output * ab.output - ac.output)).toBeLessThan(1e-12 * (1 + Math.abs(ac.output)));
        },
      ),
      { seed: 2, numRuns: 400 },
    );
  });

  it("turns the exact output of a Gaussian into each other exact output", () => {
    fc.assert(
      fc.property(arbitraryType, arbitraryType, arbitraryScheduler, arbitraryTime, (from, to, name, time) => {
        const scheduler = schedulers[name]!;
        const exact = (type: OutputType): { slope: number; offset: number } =>
          environmentOf({ scheduler, noise: memorylessNoise() }, type).model.output(scheduler, time);
        const map = convertOutput(from, to, scheduler, time);
        const [a, b] = [exact(from), exact(to)];
        const size = 1 + Math.abs(map.state) + Math.abs(map.output * a.slope);
        expect(Math.abs(map.state + map.output * a.slope - b.slope)).toBeLessThan(1e-12 * size);
        expect(Math.abs(map.output * a.offset - b.offset)).toBeLessThan(1e-12 * size * (1 + Math.abs(a.offset)));
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it("is defined at the ends where the limit is, and refuses in words where it is not", () => {
    const scheduler = new OptimalTransport();
    expect(convertOutput("velocity", "endpoint", scheduler, 0)).toEqual({ state: 1, output: 1 });
    expect(convertOutput("velocity", "epsilon", scheduler, 1)).toEqual({ state: 1, output: -1 });
    expect(() => convertOutput("epsilon", "endpoint", scheduler, 0)).toThrowError(SingularCoefficientError);
    expect(() => convertOutput("endpoint", "score", scheduler, 1)).toThrowError(/from endpoint to score .* at t = 1/);
    expect(() => convertOutput("noise" as OutputType, "score", scheduler, 0.5)).toThrowError(
      /Unknown output type "noise"/,
    );
  });
});
