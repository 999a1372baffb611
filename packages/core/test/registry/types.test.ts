import {
  type BaseModel,
  type BaseModelId,
  type Coefficient,
  type DDRecord,
  type DDTensor,
  type DifferentiableReward,
  Environment,
  type EnvironmentOf,
  isDifferentiable,
  make,
  makeBaseModel,
  makeReward,
  type NoConditioning,
  type Policy,
  type Reward,
  type RewardId,
  type RewardIdFor,
  registerBaseModel,
  registerReward,
  type Sample,
  type Tensor,
  weightedSum,
} from "@diffusiongym/core";
import { describe, expectTypeOf, it } from "vitest";
import type { Particles } from "../support/subjects.js";
import { Loudness, type SpokenConditioning, Wave } from "./third-party-audio.js";

declare module "@diffusiongym/core" {
  interface BaseModelRegistry {
    "particles/box": { data: Particles; conditioning: NoConditioning; options: { readonly count: number } };
  }
  interface RewardRegistry {
    "particles/energy": { data: Particles; conditioning: object; options: object };
    "audio/of-records": { data: Particles; conditioning: object; options: object };
  }
}

// These functions are checked by the compiler and never called.
describe("types", () => {
  it("make gives the environment that the id promises", () => {
    const wave = () => make("audio/wave", "audio/loudness", { baseModel: { rate: 4 }, reward: { decibel: true } });
    expectTypeOf(wave).returns.resolves.toEqualTypeOf<Environment<DDTensor, NoConditioning>>();
    const box = () => make("particles/box", "particles/energy");
    expectTypeOf(box).returns.resolves.toEqualTypeOf<Environment<Particles, NoConditioning>>();
    expectTypeOf<EnvironmentOf<"audio/spoken">>().toEqualTypeOf<Environment<DDTensor, SpokenConditioning>>();
    expectTypeOf(() => makeBaseModel("audio/spoken")).returns.resolves.toEqualTypeOf<
      BaseModel<DDTensor, SpokenConditioning>
    >();
    expectTypeOf(() => makeReward("particles/energy")).returns.resolves.toEqualTypeOf<Reward<Particles, object>>();
  });

  it("ids that a package adds from outside are ids", () => {
    expectTypeOf<"audio/wave">().toExtend<BaseModelId>();
    expectTypeOf<"audio/loudness">().toExtend<RewardId>();
    expectTypeOf<"audio/loudness" | "any/zero">().toEqualTypeOf<RewardIdFor<"audio/wave">>();
    expectTypeOf<"particles/energy" | "any/zero">().toEqualTypeOf<RewardIdFor<"particles/box">>();
  });

  it("mixed modalities, wrong data, unknown ids and wrong options do not compile", () => {
    void (() => [
      make("audio/wave", "any/zero"),
      // @ts-expect-error a reward of another modality
      make("audio/wave", "particles/energy"),
      // @ts-expect-error a reward of the same modality for another data type
      make("audio/wave", "audio/of-records"),
      // @ts-expect-error an unknown base model
      make("audio/wavelet", "any/zero"),
      // @ts-expect-error an unknown reward
      make("audio/wave", "audio/loud"),
      // @ts-expect-error no reward
      make("audio/wave"),
      // @ts-expect-error an option that the model does not have
      make("audio/wave", "any/zero", { baseModel: { speed: 3 } }),
      // @ts-expect-error an option of another type
      make("audio/wave", "audio/loudness", { reward: { decibel: "yes" } }),
      // @ts-expect-error the zero reward has no options
      make("audio/wave", "any/zero", { reward: { decibel: true } }),
      // @ts-expect-error an unknown option of the environment
      make("audio/wave", "any/zero", { step: 10 }),
      // @ts-expect-error the noise schedule is an object
      make("audio/wave", "any/zero", { noiseSchedule: "memoryless" }),
    ]);
  });

  it("an environment wants parts of one data type", () => {
    void ((box: BaseModel<Particles>, energy: Reward<Particles, object>) => [
      new Environment(box, energy),
      new Environment(new Wave(), new Loudness()),
      // @ts-expect-error a reward of sounds for particles
      new Environment<Particles>(box, new Loudness()),
      // @ts-expect-error a reward of particles for sounds
      new Environment<DDTensor>(new Wave(), energy),
    ]);
    void ((environment: Environment<Particles>, policy: Policy<DDTensor>) => {
      // @ts-expect-error a policy for another data type
      environment.policy = policy;
    });
  });

  it("registering wants the promised part, an id that was declared, and a description", () => {
    void (() => {
      registerBaseModel("audio/wave", Wave, { description: "silence" });
      // @ts-expect-error a reward is no base model
      registerBaseModel("audio/wave", Loudness, { description: "" });
      // @ts-expect-error an id that no interface declares
      registerBaseModel("audio/song", Wave, { description: "" });
      // @ts-expect-error no description
      registerReward("audio/loudness", Loudness);
    });
  });

  it("a sample has typed fields", () => {
    type Spoken = Sample<DDTensor, SpokenConditioning>;
    expectTypeOf<Spoken["sample"]>().toEqualTypeOf<DDTensor>();
    expectTypeOf<Spoken["latent"]>().toEqualTypeOf<DDTensor>();
    expectTypeOf<Spoken["trajectory"]>().toEqualTypeOf<readonly DDTensor[]>();
    expectTypeOf<Spoken["drifts"]>().toEqualTypeOf<readonly DDTensor[]>();
    expectTypeOf<Spoken["noises"]>().toEqualTypeOf<readonly DDTensor[]>();
    expectTypeOf<Spoken["diffusions"]>().toEqualTypeOf<readonly Coefficient[]>();
    expectTypeOf<Spoken["timesteps"]>().toEqualTypeOf<Float32Array>();
    expectTypeOf<Spoken["rewards"]>().toEqualTypeOf<Float32Array>();
    expectTypeOf<Spoken["valids"]>().toEqualTypeOf<Uint8Array>();
    expectTypeOf<Spoken["pathCosts"]>().toEqualTypeOf<Float32Array>();
    expectTypeOf<Spoken["runningCosts"]>().toEqualTypeOf<Tensor<Float32Array>>();
    expectTypeOf<Spoken["costs"]>().toEqualTypeOf<Tensor<Float32Array>>();
    expectTypeOf<Spoken["conditioning"]["text"]>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<ReturnType<Spoken["at"]>>().toEqualTypeOf<Spoken>();
    expectTypeOf<ReturnType<Spoken["slice"]>>().toEqualTypeOf<Spoken>();
    expectTypeOf<ReturnType<Spoken["toJSON"]>>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<Sample<Particles>["latent"]["entries"]["positions"]>().toEqualTypeOf<DDTensor>();
    void ((sample: Spoken) => {
      // @ts-expect-error results are not written to
      sample.rewards = new Float32Array(1);
    });
  });

  it("conditioning is typed", () => {
    void ((spoken: Environment<DDTensor, SpokenConditioning>, plain: Environment) => [
      spoken.sample(2, { conditioning: { text: ["a", "b"] } }),
      // Left out, it is for sampleP0 to complete.
      spoken.sample(2),
      // @ts-expect-error a text is a string
      spoken.sample(2, { conditioning: { text: [1, 2] } }),
      // @ts-expect-error an entry that the model does not know
      spoken.sample(2, { conditioning: { speaker: ["a", "b"] } }),
      // @ts-expect-error a model that takes none
      plain.sample(2, { conditioning: { text: ["a", "b"] } }),
      // @ts-expect-error a field that cannot be recorded
      plain.sample(2, { record: ["rewards"] }),
    ]);
  });

  it("data and rewards keep their types through operations", () => {
    expectTypeOf<ReturnType<Particles["at"]>>().toEqualTypeOf<Particles>();
    expectTypeOf<ReturnType<Particles["linearCombination"]>>().toEqualTypeOf<Particles>();
    expectTypeOf<ReturnType<DDTensor["add"]>>().toEqualTypeOf<DDTensor>();
    void ((x: DDTensor, record: DDRecord, a: Reward<DDTensor, object>, b: DifferentiableReward<DDTensor, object>) => {
      // @ts-expect-error a record is no tensor
      x.add(record);
      expectTypeOf(weightedSum([{ reward: b, weight: 1 }])).toEqualTypeOf<DifferentiableReward<DDTensor, object>>();
      expectTypeOf(weightedSum([{ reward: a, weight: 1 }])).toEqualTypeOf<Reward<DDTensor, object>>();
      if (isDifferentiable(a)) {
        expectTypeOf(a.gradient).toBeFunction();
      }
    });
  });
});
