import { describe, expect, it } from "vitest";
import { expectAllClose, type Tolerance } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { type DDTensor, Environment, type OutputType, SingularCoefficientError } from "../../src/index.js";
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
  type ExpectedStep,
  expectedStep,
  type ReferenceConditioning,
  ReferenceModel,
  ReferenceNetworks,
  referenceControl,
  referencePolicy,
  referenceReward,
} from "../support/reference-model.js";

interface GoldenCase {
  readonly group: "main" | "image_shaped" | "edge";
  readonly name: string;
  readonly output_type: OutputType;
  readonly scheduler: GoldenScheduler;
  readonly noise_schedule: GoldenNoise;
  readonly policy_set: boolean;
  readonly control_policy_set: boolean;
  readonly params: string;
  readonly x: GoldenArray;
  readonly t: GoldenArray;
  readonly expected: { readonly f32: Quantities; readonly f64: Quantities; readonly pred_final_exact?: GoldenArray };
}

type Quantity = "drift" | "running_cost" | "diffusion" | "pred_final";
type Quantities = { readonly [Q in Quantity]: GoldenArray };

const golden = await loadFixture<{
  readonly params: { readonly [name: string]: GoldenArrays };
  readonly alpha_bars: GoldenArrays;
  readonly cases: readonly GoldenCase[];
}>("packages/core/test/fixtures/reference-environments.json.gz");

const none = {} as ReferenceConditioning;

/** What float32 data with double coefficients is good for: the file's own tolerance for a float32 implementation. */
const single: Tolerance = { relative: 3e-5, absolute: 3e-5 };

function environmentOf(one: GoldenCase): Environment<DDTensor, ReferenceConditioning> {
  const networks = new ReferenceNetworks(golden.params[one.params]!);
  const model = new ReferenceModel(networks, one.output_type, buildScheduler(one.scheduler, golden.alpha_bars));
  const environment = new Environment(model, referenceReward, {
    noiseSchedule: buildNoise(one.noise_schedule),
    allowExpansiveGrid: true,
  });
  environment.policy = one.policy_set ? referencePolicy(networks) : undefined;
  environment.controlPolicy = one.control_policy_set ? referenceControl(networks) : undefined;
  return environment;
}

/** The formulas of the theory for every sample, without the library's table of output types. */
function formulasOf(one: GoldenCase): ExpectedStep[] {
  const x = numbers(one.x);
  const stride = x.length / one.t.data.length;
  const setup = {
    networks: new ReferenceNetworks(golden.params[one.params]!),
    outputType: one.output_type,
    scheduler: buildScheduler(one.scheduler, golden.alpha_bars),
    sigma: one.noise_schedule.type === "memoryless" ? ("memoryless" as const) : one.noise_schedule.sigma,
    policy: one.policy_set,
    control: one.control_policy_set,
  };
  return numbers(one.t).map((t, i) => expectedStep(setup, x.slice(i * stride, (i + 1) * stride), t));
}

/** The page and number of DECISIONS by which our number is not the reference's; undefined where it must be. */
function exclusion(one: GoldenCase, quantity: Quantity): string | undefined {
  const isMemoryless = one.noise_schedule.type === "memoryless";
  switch (quantity) {
    case "drift":
      return !isMemoryless && one.control_policy_set
        ? "DECISIONS 1: a control is carried over to the sampling noise through the adapted velocity field"
        : undefined;
    case "running_cost":
      return !isMemoryless && (one.policy_set || one.control_policy_set)
        ? "DECISIONS 2: Girsanov's cost for the sigma in use"
        : undefined;
    case "pred_final":
      if (one.control_policy_set) {
        return "DECISIONS 1 and 4: the endpoint of the adapted output, the control's shift included";
      }
      if (one.output_type === "endpoint" && one.policy_set) {
        return "DECISIONS 4: the endpoint uses the policy for every output type";
      }
      return one.output_type === "velocity" && one.scheduler.type === "diffusion"
        ? "DECISIONS 4: the reference's formula holds only where alpha + beta = 1 (pred_final_exact is compared)"
        : undefined;
    case "diffusion":
      return undefined; // DECISIONS 9: compared as one number a sample, whatever the shape in the file.
  }
}

/** What an array of the reference holds per sample for a quantity. */
function rowsOf(array: GoldenArray, quantity: Quantity): number[][] {
  const n = array.shape[0]!;
  const values = quantity === "diffusion" ? perSample(array) : numbers(array);
  const stride = values.length / n;
  return Array.from({ length: n }, (_, i) => values.slice(i * stride, (i + 1) * stride));
}

const quantities: { readonly [Q in Quantity]: (step: ExpectedStep) => number[] } = {
  drift: (step) => step.drift,
  running_cost: (step) => [step.runningCost],
  diffusion: (step) => [step.sigma],
  pred_final: (step) => step.endpoint,
};
const quantityNames = Object.keys(quantities) as Quantity[];

async function compute(
  environment: Environment<DDTensor, ReferenceConditioning>,
  x: DDTensor,
  t: Float32Array,
): Promise<{ readonly [Q in Quantity]: () => Promise<number[]> }> {
  const drift = (): ReturnType<typeof environment.drift> => environment.drift(x, t, none);
  return {
    drift: async () => Array.from((await drift()).drift.data),
    running_cost: async () => Array.from((await drift()).runningCosts),
    diffusion: async () => asNumbers(environment.diffusion(t), x.length),
    pred_final: async () => Array.from((await environment.predFinal(x, t, none)).data),
  };
}

describe("reference/environments.json, inside (0, 1)", () => {
  const cases = golden.cases.filter(({ group }) => group !== "edge");

  it("has 272 cases and these exclusions, and no more", () => {
    const counts = new Map<string, number>();
    for (const one of cases) {
      for (const quantity of quantityNames) {
        const reason = exclusion(one, quantity)?.split(":")[0] ?? "compared";
        counts.set(`${quantity}, ${reason}`, (counts.get(`${quantity}, ${reason}`) ?? 0) + 1);
      }
    }
    expect(cases).toHaveLength(272);
    expect(Object.fromEntries(counts)).toEqual({
      "drift, compared": 184,
      "drift, DECISIONS 1": 88,
      "running_cost, compared": 144,
      "running_cost, DECISIONS 2": 128,
      "diffusion, compared": 272,
      "pred_final, compared": 107,
      "pred_final, DECISIONS 1 and 4": 136,
      "pred_final, DECISIONS 4": 29,
    });
  });

  it.each(cases)("$name", async (one) => {
    const formulas = formulasOf(one);
    const ours = await compute(environmentOf(one), batch(one.x), floats(one.t));
    for (const quantity of quantityNames) {
      const formula = formulas.flatMap(quantities[quantity]);
      const computed = await ours[quantity]();
      expectAllClose(computed, formula, single);
      if (exclusion(one, quantity) === undefined) {
        const f64 = rowsOf(one.expected.f64[quantity], quantity).flat();
        // The reference computes 1 - cos^2, which loses digits near t = 0 even in double precision.
        const digits = one.scheduler.type === "cosine" ? 1e-6 : 1e-9;
        expectAllClose(formula, f64, { relative: digits, absolute: 1e-12 });
        expectAllClose(computed, f64, single);
        if (one.scheduler.type !== "cosine") {
          expectAllClose(computed, rowsOf(one.expected.f32[quantity], quantity).flat(), single);
        }
      }
    }
    if (one.expected.pred_final_exact !== undefined && !one.control_policy_set) {
      const exact = numbers(one.expected.pred_final_exact);
      expectAllClose(formulas.flatMap(quantities.pred_final), exact, { relative: 1e-9, absolute: 1e-12 });
      expectAllClose(await ours.pred_final(), exact, single);
    }
  });
});

describe("reference/environments.json, pred_final of the policy alone", () => {
  // The reference's pred_final never sees the control; without it, ours is the same number.
  const cases = golden.cases.filter(({ group, control_policy_set }) => group !== "edge" && control_policy_set);

  it.each(cases)("$name", async (one) => {
    const environment = environmentOf(one);
    environment.controlPolicy = undefined;
    const wanted = exclusion({ ...one, control_policy_set: false }, "pred_final")
      ? formulasOf({ ...one, control_policy_set: false }).flatMap(quantities.pred_final)
      : numbers(one.expected.f64.pred_final);
    const exact = one.expected.pred_final_exact ? numbers(one.expected.pred_final_exact) : wanted;
    const computed = await environment.predFinal(batch(one.x), floats(one.t), none);
    expectAllClose(computed.data, wanted, single);
    expectAllClose(computed.data, exact, single);
  });
});

describe("reference/environments.json, t = 0, 0.001, 0.999 and 1", () => {
  const cases = golden.cases.filter(({ group }) => group === "edge");

  it("agrees inside; at the ends it agrees, has the limit, or refuses by DECISIONS 7", async () => {
    const outcomes: string[] = [];
    for (const one of cases) {
      const environment = environmentOf(one);
      for (const [i, t] of numbers(one.t).entries()) {
        const ours = await compute(environment, batch(one.x).at(i), Float32Array.of(t));
        for (const quantity of quantityNames) {
          const place = t === 0 || t === 1 ? "end" : "inside";
          try {
            outcomes.push(`${quantity}, ${place}, ${await outcome(one, i, quantity, ours[quantity])}`);
          } catch (error) {
            throw new Error(`${one.name}: ${quantity} at t = ${t}`, { cause: error });
          }
        }
      }
    }
    const counts: { [name: string]: number } = {};
    for (const name of outcomes) {
      counts[name] = (counts[name] ?? 0) + 1;
    }
    expect(cases).toHaveLength(48);
    expect(counts).toEqual({
      "drift, inside, compared": 72,
      "drift, inside, by formula": 24,
      "drift, end, compared": 28,
      "drift, end, by formula": 10,
      "drift, end, refused": 58,
      "running_cost, inside, compared": 72,
      "running_cost, inside, by formula": 24,
      "running_cost, end, compared": 30,
      "running_cost, end, by formula": 8,
      // 28 of these the reference has; ours comes with the drift, which is refused there.
      "running_cost, end, refused": 58,
      "diffusion, inside, compared": 96,
      "diffusion, end, compared": 80,
      "diffusion, end, refused": 16,
      "pred_final, inside, compared": 44,
      "pred_final, inside, by formula": 52,
      "pred_final, end, compared": 32,
      "pred_final, end, by formula": 22,
      // 26 of these the reference has, as quotients of rounding errors (cosine) or because it leaves out the control.
      "pred_final, end, refused": 42,
    });
  });

  async function outcome(
    one: GoldenCase,
    i: number,
    quantity: Quantity,
    compute: () => Promise<number[]>,
  ): Promise<"refused" | "by formula" | "compared"> {
    const t = numbers(one.t)[i]!;
    const reference = rowsOf(one.expected.f64[quantity], quantity)[i]!;
    let computed: number[];
    try {
      computed = await compute();
    } catch (error) {
      // DECISIONS 7: a coefficient that is singular at an end is an error that names it and the time, never NaN.
      expect(error).toBeInstanceOf(SingularCoefficientError);
      expect((error as SingularCoefficientError).time).toBe(t);
      expect((t === 0 || t === 1) && one.scheduler.type !== "diffusion").toBe(true);
      return "refused";
    }
    expect(computed.every(Number.isFinite)).toBe(true);
    if (exclusion(one, quantity) !== undefined || !reference.every(Number.isFinite)) {
      // Excluded above, or finite only in the limit, which the reference misses by dividing 0 by 0.
      const setup = { ...one, x: row(one.x, i), t: row(one.t, i) };
      expectAllClose(computed, quantities[quantity](formulasOf(setup)[0]!), single);
      return "by formula";
    }
    expectAllClose(computed, reference, single);
    return "compared";
  }
});

function row({ shape, data }: GoldenArray, i: number): GoldenArray {
  const stride = data.length / shape[0]!;
  return { shape: [1, ...shape.slice(1)], data: data.slice(i * stride, (i + 1) * stride) };
}
