import {
  Cosine,
  type DiffusionData,
  Environment,
  OptimalTransport,
  type RecordedField,
  recordedFields,
  Sample,
  type SampleOptions,
  type SchedulerLike,
  ZeroReward,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { clouds, particleSchedulers, particles, points } from "../support/subjects.js";

/** Every number of every field of a sample, by field and tensor, to be compared bit for bit. */
function bitsOf<D extends DiffusionData<D>>(sample: Sample<D, object>): { [name: string]: number[] } {
  const bits: { [name: string]: number[] } = {
    rewards: Array.from(sample.rewards),
    valids: Array.from(sample.valids),
    pathCosts: Array.from(sample.pathCosts),
  };
  const add = (name: string, batch: D): void => {
    for (const [k, tensor] of batch.tensors().entries()) {
      bits[`${name}.${k} [${tensor.shape.join()}]`] = Array.from(tensor.data);
    }
  };
  add("sample", sample.sample);
  add("latent", sample.latent);
  for (const field of ["trajectory", "drifts", "noises"] as const) {
    if (sample.has(field)) {
      for (const [k, batch] of sample[field].entries()) {
        add(`${field}[${k}]`, batch);
      }
    }
  }
  if (sample.has("runningCosts")) {
    bits.runningCosts = Array.from(sample.runningCosts.data);
  }
  if (sample.has("diffusions")) {
    for (const [k, sigma] of sample.diffusions.entries()) {
      const parts = ArrayBuffer.isView(sigma) || typeof sigma === "number" ? { all: sigma } : sigma;
      for (const [part, values] of Object.entries(parts)) {
        bits[`diffusions[${k}].${part}`] = Array.from(values as Float32Array);
      }
    }
  }
  return bits;
}

interface Subject {
  readonly name: string;
  readonly run: (n: number, options?: Omit<SampleOptions<never, object>, "x0" | "noises">) => Promise<Bits>;
  readonly runHalves: () => Promise<Bits>;
}
type Bits = { [name: string]: number[] };

function subject<D extends DiffusionData<D>>(
  name: string,
  template: (n: number, offset: number) => D,
  scheduler: SchedulerLike,
): Subject {
  const model = new GaussianModel<D, object>({ template, scheduler });
  const environment = new Environment<D, object>(model, new ZeroReward<D, object>(), { steps: 7 }).withPolicies({
    controlPolicy: { control: (x) => x.scale(0.2) },
  });
  return {
    name,
    run: async (n, options = {}) => bitsOf(await environment.sample(n, { seed: 5, record: "all", ...options })),
    runHalves: async () => {
      const half = (indexOffset: number): Promise<Sample<D, object>> =>
        environment.sample(32, { seed: 5, record: "all", indexOffset });
      return bitsOf(Sample.concat([await half(0), await half(32)]));
    },
  };
}

const subjects = [
  subject("tensors", points, new OptimalTransport()),
  subject("nested records with a scheduler a part", particles, particleSchedulers()),
  subject("a ragged type", clouds, new Cosine(1)),
];

describe.each(subjects)("sampling $name", ({ run, runHalves }) => {
  it("64 samples are two times 32 with an index offset, bit for bit", async () => {
    const whole = await run(64);
    const halves = await runHalves();
    expect(Object.keys(halves)).toEqual(Object.keys(whole));
    expect(halves).toEqual(whole);
    expect(whole.pathCosts!.every((cost) => cost > 0)).toBe(true);
  });

  it("does not depend on the batch size", async () => {
    const whole = await run(11);
    for (const batchSize of [1, 3, 4, 10, 11, 100]) {
      expect(await run(11, { batchSize })).toEqual(whole);
    }
  });

  it("does not depend on what is recorded", async () => {
    const whole = await run(5);
    const choices: readonly (readonly RecordedField[])[] = [[], ...recordedFields.map((field) => [field])];
    for (const record of choices) {
      const bits = await run(5, { record });
      for (const [name, values] of Object.entries(bits)) {
        expect(values).toEqual(whole[name]);
      }
      expect(Object.keys(bits).length).toBeLessThan(Object.keys(whole).length);
    }
  });

  it("depends on the seed and the index, and the noise of each step is new", async () => {
    const first = await run(4);
    expect(await run(4)).toEqual(first);
    expect(await run(4, { seed: 6 })).not.toEqual(first);
    expect(await run(4, { indexOffset: 1 })).not.toEqual(first);
    const noises = Object.entries(first).filter(([name]) => name.startsWith("noises"));
    expect(new Set(noises.map(([, values]) => values.join())).size).toBe(noises.length);
  });
});

describe("rollout", () => {
  const environment = new Environment(
    new GaussianModel({ template: points, scheduler: new OptimalTransport() }),
    new ZeroReward(),
    { steps: 5 },
  );

  it("yields the steps that sample records, and returns the same sample", async () => {
    const recorded = await environment.sample(3, { seed: 2, record: "all" });
    const rollout = environment.rollout(3, { seed: 2 });
    for (let k = 0; k < 5; k++) {
      const { value, done } = await rollout.next();
      expect(done).toBe(false);
      if (done) break;
      expect([value.index, value.steps, value.time]).toEqual([k, 5, recorded.timesteps[k]]);
      expect(value.dt).toBe(recorded.timesteps[k + 1]! - recorded.timesteps[k]!);
      expect(Array.from(value.x.data)).toEqual(Array.from(recorded.trajectory[k]!.data));
      expect(Array.from(value.next.data)).toEqual(Array.from(recorded.trajectory[k + 1]!.data));
      expect(Array.from(value.drift.data)).toEqual(Array.from(recorded.drifts[k]!.data));
      expect(Array.from(value.noise!.data)).toEqual(Array.from(recorded.noises[k]!.data));
    }
    const last = await rollout.next();
    expect(last.done).toBe(true);
    expect(Array.from((last.value as Sample).latent.data)).toEqual(Array.from(recorded.latent.data));
  });

  it("tells progress over all batches", async () => {
    const seen: number[] = [];
    await environment.sample(5, {
      batchSize: 2,
      onProgress: ({ completed, total }) => {
        expect(total).toBe(15);
        seen.push(completed);
      },
    });
    expect(seen).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
  });
});
