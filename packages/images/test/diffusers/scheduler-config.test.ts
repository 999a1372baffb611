import { schedulerFromSpec } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { readSchedulerConfig } from "../../src/diffusers/index.js";

interface Case {
  readonly config: string;
  readonly entries: number;
  readonly indices: readonly number[];
  readonly alphaBar: readonly number[];
}
const { cases } = await loadFixture<{ cases: Readonly<Record<string, Case>> }>(
  "packages/images/test/fixtures/schedulers.json.gz",
);
const read = (changes: object, name = "ddpm"): ReturnType<typeof readSchedulerConfig> =>
  readSchedulerConfig(JSON.stringify({ ...JSON.parse(cases[name]!.config), ...changes }));

describe.each(Object.entries(cases))("%s", (_, { config, entries, indices, alphaBar }) => {
  const { scheduler } = readSchedulerConfig(config);

  it("has the table that diffusers makes", () => {
    expect(scheduler.steps).toBe(entries);
    const table = scheduler.alphaBar;
    for (const [at, k] of indices.entries()) {
      // diffusers multiplies in single precision; its 1 - 0.999 alone is 5e-5 off.
      expect(Math.abs(table[k]! - alphaBar[at]!)).toBeLessThanOrEqual(1e-4 * alphaBar[at]! + 1e-9);
    }
  });

  it("gives a model the step that diffusers counts, and t = 1 its first", () => {
    expect(scheduler.modelInput(1)).toBe(0);
    expect(scheduler.modelInput(0)).toBe(entries - 1);
    expect(scheduler.alpha(1) ** 2).toBeCloseTo(alphaBar[0]!, 6);
  });

  it("survives being written as a spec", () => {
    const again = schedulerFromSpec(JSON.parse(JSON.stringify(scheduler.spec())));
    expect(again.alpha(0.3)).toBe(scheduler.alpha(0.3));
  });
});

describe("what a network returns", () => {
  it.each([
    ["ddpm", "epsilon", "epsilon"],
    ["cosine, sample", "sample", "endpoint"],
    ["stable diffusion 2, v", "v_prediction", "endpoint"],
  ])("of %s is %s, for a model %s", (name, prediction, outputType) => {
    expect(readSchedulerConfig(cases[name]!.config)).toMatchObject({ prediction, outputType });
  });

  it("is epsilon along linear betas in files of old versions, which say nothing", () => {
    const { scheduler, prediction } = readSchedulerConfig('{"_class_name": "DDPMScheduler"}');
    expect([prediction, scheduler.steps]).toEqual(["epsilon", 1000]);
    expect(scheduler.alphaBar.at(-1)).toBeCloseTo(cases.ddpm!.alphaBar.at(-1)!, 8);
  });
});

it("says in words what belongs to diffusers' own samplers", () => {
  expect(read({}).notes).toEqual([expect.stringContaining("clip_sample")]);
  expect(read({}, "stable diffusion, pndm").notes).toEqual([expect.stringContaining("set_alpha_to_one")]);
  expect(read({ thresholding: true, clip_sample: false }).notes).toEqual([expect.stringContaining("thresholding")]);
});

it.each([
  [{ _class_name: "FlowMatchEulerDiscreteScheduler" }, "is of a FlowMatchEulerDiscreteScheduler"],
  [{ _class_name: "DDPMSchedular" }, 'did you mean "DDPMScheduler"'],
  [{ beta_schedule: "sigmoid" }, 'has beta_schedule "sigmoid"'],
  [{ beta_schedule: 3 }, "has beta_schedule 3; it must be a word"],
  [{ prediction_type: "flow" }, "known are epsilon, sample and v_prediction"],
  [{ variance_type: "learned_range" }, "a variance besides its prediction"],
  [{ rescale_betas_zero_snr: true }, "and yet predicts epsilon"],
  [{ num_train_timesteps: "1000" }, "it must be a number"],
  [{ num_train_timesteps: 1 }, "makes no table of alpha-bars"],
  [{ beta_end: 2 }, "makes no table of alpha-bars"],
  [{ trained_betas: [0.1, "x"] }, "an array of numbers"],
  [{ trained_betas: [0.1, 0] }, "makes no table of alpha-bars"],
  [{ clip_sample: "yes" }, "true or false"],
])("refuses %j", (changes, message) => {
  expect(() => read(changes)).toThrow(message);
  expect(() => read(changes)).toThrow("scheduler_config.json");
});

it.each(["", "[1]", "null", "7", "{"])("refuses %j, which is no object", (text) => {
  expect(() => readSchedulerConfig(text)).toThrow(/scheduler_config.json (is no JSON|holds)/);
});
