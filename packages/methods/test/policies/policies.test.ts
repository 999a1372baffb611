import {
  Cosine,
  convertOutput,
  DDRecord,
  DDTensor,
  isErrorNamed,
  OptimalTransport,
  outputTypes,
  RandomKey,
  Trigonometric,
  VPLinear,
} from "@diffusiongym/core";
import { ModelPolicy, ResidualPolicy, type TrainablePolicy } from "@diffusiongym/methods";
import { GraphBuilder, linear, Network, NetworkModel } from "@diffusiongym/nn";
import { describe, expect, it } from "vitest";
import { GaussianModel, withoutGradient } from "../support/gaussian-model.js";
import { lineNetwork, pointModel, pointNetwork, residualPolicy } from "../support/policies.js";
import { GaussianRecordModel, type Pair } from "../support/record-model.js";

const x = DDTensor.from([[-0.6], [0.2], [1.4]]);
const t = Float32Array.of(0.2, 0.5, 0.9);
const rows = { x, t, conditioning: {} };

/** Gives every parameter a value, so that nothing is 0 by accident. */
function stir<P extends TrainablePolicy<DDTensor, Record<string, never>>>(policy: P): P {
  policy.parameters.data.forEach((value, i) => {
    policy.parameters.data[i] = value + 0.2 * Math.sin(1 + i);
  });
  return policy;
}

const small = { width: 4, depth: 1 };
const policies = {
  model: () => ModelPolicy.copyOf(pointModel(Network.initialize(pointNetwork(1, small), RandomKey.fromSeed(1)), 1)),
  residual: () => residualPolicy(new GaussianModel({ deviation: 0.5 }), { definition: pointNetwork(1, small) }),
  "residual (1 - t)": () =>
    residualPolicy(new GaussianModel({ deviation: 0.5 }), {
      definition: pointNetwork(1, small),
      scale: "one-minus-t",
    }),
  "residual (value gradient, endpoints)": () =>
    residualPolicy(new GaussianModel({ deviation: 0.5, outputType: "endpoint", scheduler: new Trigonometric() }), {
      definition: pointNetwork(1, small),
      scale: "value-gradient",
    }),
};

/** The slope of a loss along a direction of the parameters, by central differences. */
async function slopeOf(policy: TrainablePolicy<DDTensor, Record<string, never>>, loss: () => Promise<number>) {
  const { data } = policy.parameters;
  const direction = data.map((_, i) => Math.cos(3 * i));
  const start = data.slice();
  const at = async (h: number): Promise<number> => {
    data.forEach((_, i) => {
      data[i] = start[i]! + h * direction[i]!;
    });
    return loss();
  };
  const slope = ((await at(1e-2)) - (await at(-1e-2))) / 2e-2;
  data.set(start);
  return { slope, along: (gradients: Float32Array) => gradients.reduce((sum, g, i) => sum + g * direction[i]!, 0) };
}

describe.each(Object.entries(policies))("%s policy", (_, make) => {
  it("regresses: sum_i w_i |out_i - target_i|^2 with its gradient, in one part or in several", async () => {
    const policy = stir(make());
    const [targets, weights] = [DDTensor.from([[1], [0], [-2]]), Float32Array.of(0.5, 0, 2)];
    const loss = async (): Promise<number> => {
      const errors = (await policy.forward(x, t, {})).sub(targets).squaredNorm();
      return errors.reduce((sum, error, i) => sum + weights[i]! * error, 0);
    };
    const { slope, along } = await slopeOf(policy, loss);
    const result = await policy.regress({ ...rows, targets, weights });
    expect(Math.abs(result.loss - (await loss()))).toBeLessThan(1e-4);
    expect([...result.output.data].map((value) => value.toFixed(5))).toEqual(
      [...(await policy.forward(x, t, {})).data].map((value) => value.toFixed(5)),
    );
    expect(Math.abs(along(policy.gradients.data) - slope)).toBeLessThan(5e-3 * Math.max(1, Math.abs(slope)));
    const whole = policy.gradients.data.slice();
    const part = (from: number, to: number, accumulate: boolean) =>
      policy.regress({
        x: x.slice(from, to),
        t: t.slice(from, to),
        conditioning: {},
        targets: targets.slice(from, to),
        weights: weights.slice(from, to),
        accumulate,
      });
    await part(0, 2, false);
    await part(2, 3, true);
    whole.forEach((value, i) => {
      expect(Math.abs(policy.gradients.data[i]! - value)).toBeLessThan(1e-4 * Math.max(1, Math.abs(value)));
    });
  });

  it("takes the cotangents of any loss, and goes back to the state", async () => {
    const policy = stir(make());
    const cotangents = DDTensor.from([[0.7], [-1.2], [0.4]]);
    const product = async (at = x): Promise<number> =>
      (await policy.forward(at, t, {})).mul(cotangents).data.reduce((sum, value) => sum + value, 0);
    const { slope, along } = await slopeOf(policy, product);
    await policy.backward({ ...rows, cotangents });
    expect(Math.abs(along(policy.gradients.data) - slope)).toBeLessThan(5e-3 * Math.max(1, Math.abs(slope)));
    expect(policy.isDifferentiable).toBe(true);
    const { gradient } = await policy.vjp({ ...rows, cotangents });
    const ahead = ((await product(x.add(1e-2))) - (await product(x.sub(1e-2)))) / 2e-2;
    expect(gradient.data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(ahead, 2);
  });

  it("lends its graphs to a copy under other parameters", async () => {
    const policy = stir(make());
    const copy = policy.withParameters(policy.parameters.clone());
    const before = [...(await copy.forward(x, t, {})).data];
    policy.parameters.data.fill(0);
    expect([...(await copy.forward(x, t, {})).data]).toEqual(before);
    expect([...(await policy.forward(x, t, {})).data]).not.toEqual(before);
    expect(copy.describe()).toEqual(policy.describe());
  });
});

describe("a residual policy", () => {
  it("starts at the base model, of every output type", async () => {
    for (const outputType of outputTypes) {
      const base = new GaussianModel({ mean: 1, deviation: 0.5, outputType });
      const policy = residualPolicy(base);
      expect(policy.outputType).toBe(outputType);
      expect([...(await policy.forward(x, t, {})).data]).toEqual([...base.forward(x, t).data]);
    }
  });

  it.each([
    ["linear", new OptimalTransport()],
    ["trigonometric", new Trigonometric()],
    ["cosine", new Cosine()],
    ["variance preserving", new VPLinear()],
  ])("scaled as a value gradient is one control on the %s path, whatever the output type", async (_, scheduler) => {
    // A network that is 0.8 everywhere stands for grad V = -0.8 alpha: the score moves by 0.8 alpha.
    for (const outputType of outputTypes) {
      const base = new GaussianModel({ mean: 1, deviation: 0.5, outputType, scheduler });
      const policy = residualPolicy(base, { definition: lineNetwork(), scale: "value-gradient" });
      policy.parameters.get("line.bias").data.fill(0.8);
      const output = await policy.forward(x, t, {});
      for (const [i, time] of t.entries()) {
        const { state, output: slope } = convertOutput(outputType, "score", scheduler, time);
        const score = (value: number): number => state * x.data[i]! + slope * value;
        const moved = score(output.data[i]!) - score(base.forward(x, t).data[i]!);
        expect(moved).toBeCloseTo(0.8 * scheduler.alpha(time), 3);
      }
      const ends = Float32Array.of(0, 1e-6, 1);
      const shift = (await policy.forward(x, ends, {}, { baseOutput: () => x.zerosLike() })).data;
      expect(Array.from(shift).every(Number.isFinite)).toBe(true);
    }
  });

  it("uses the base model's output when somebody has it, and does not run it again", async () => {
    const base = new GaussianModel();
    let calls = 0;
    const counted = Object.assign(Object.create(base) as GaussianModel, {
      forward(at: DDTensor, times: Float32Array): DDTensor {
        calls += 1;
        return base.forward(at, times);
      },
    });
    const policy = stir(residualPolicy(counted));
    const reference = base.forward(x, t);
    const given = await policy.forward(x, t, {}, { baseOutput: () => reference });
    await policy.regress({ ...rows, targets: x, weights: 1, reference });
    await policy.backward({ ...rows, cotangents: x, reference });
    expect(calls).toBe(0);
    expect([...given.data]).toEqual([...(await policy.forward(x, t, {})).data]);
    expect(calls).toBe(1);
  });

  it("fits data of several parts, with a weight for each", async () => {
    const base = new GaussianRecordModel(new OptimalTransport());
    const g = new GraphBuilder("pair");
    g.input("t", ["N"]);
    g.output("a", linear(g, g.input("place", ["N", 2]), { name: "place", out: 2 }));
    g.output("b", linear(g, g.input("colour", ["N", 3]), { name: "colour", out: 3 }));
    const correction = new NetworkModel<DDRecord<Pair>>({
      network: Network.initialize(g.build(), RandomKey.fromSeed(3)),
      outputType: "velocity",
      scheduler: base.scheduler,
      start: () => base.sampleP0(1, RandomKey.fromSeed(0).streams()),
    });
    const policy = new ResidualPolicy<DDRecord<Pair>>({ base, correction });
    const { x: pair } = base.sampleP0(2, RandomKey.fromSeed(4).streams());
    const times = Float32Array.of(0.3, 0.6);
    const targets = pair.mul(0.5);
    const weights = { place: Float32Array.of(1, 2), colour: 0 };
    const { loss, output } = await policy.regress({ x: pair, t: times, conditioning: {}, targets, weights });
    const errors = output.entries.place.sub(targets.entries.place).squaredNorm();
    expect(loss).toBeCloseTo(errors[0]! + 2 * errors[1]!, 4);
    expect([...policy.gradients.get("colour.weight").data].every((value) => value === 0)).toBe(true);
    expect(output).toBeInstanceOf(DDRecord);
  });

  it("refuses an unknown scale, and gradients through a base model that has none", async () => {
    expect(() => residualPolicy(new GaussianModel(), { scale: "on" as "one" })).toThrow('Did you mean "one"?');
    const policy = residualPolicy(withoutGradient(new GaussianModel()));
    expect(policy.isDifferentiable).toBe(false);
    const error = await policy.vjp({ ...rows, cotangents: x }).catch((reason: unknown) => reason);
    expect(isErrorNamed(error, "IncompatibleError")).toBe(true);
  });
});
