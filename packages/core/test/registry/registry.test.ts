import {
  ArgumentError,
  constantNoise,
  customNoise,
  Environment,
  type EnvironmentSpec,
  FormatError,
  IncompatibleError,
  listBaseModels,
  listRewards,
  make,
  makeBaseModel,
  makePart,
  makeReward,
  type NoConditioning,
  type PartialSpec,
  RegistryError,
  registerBaseModel,
  registerReward,
} from "@diffusiongym/core";
import { checkBaseModel, checkEnvironment, checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { example, points } from "../support/subjects.js";
import { Loudness, Spoken, Wave } from "./third-party-audio.js";

/** What a promise is rejected with. */
const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(String, (error: unknown) => error);
const untyped = make as unknown as (...args: readonly unknown[]) => Promise<Environment>;

describe("a package from outside", () => {
  it("is listed, made by id with its options, and passes the conformance kit", async () => {
    expect(listBaseModels().map(({ id }) => id)).toEqual(expect.arrayContaining(["audio/spoken", "audio/wave"]));
    expect(listRewards().map(({ id }) => id)).toEqual(expect.arrayContaining(["any/zero", "audio/loudness"]));
    expect(listBaseModels().find(({ id }) => id === "audio/wave")).toEqual({
      id: "audio/wave",
      description: "silence",
      options: { rate: "samples a second. @default 8" },
    });
    const environment = await make("audio/wave", "audio/loudness", {
      baseModel: { rate: 5 },
      reward: { decibel: true },
      steps: 6,
      rewardScale: 0.5,
    });
    expect((await environment.sample(2)).latent.shape).toEqual([2, 5]);
    expect(await checkEnvironment(environment)).toBe(15);
    expect(await checkBaseModel(await makeBaseModel("audio/wave"))).toBe(13);
    expect(await checkReward(await makeReward("audio/loudness"), { sample: example(points)(1) })).toBe(6);
  });

  it("makes parts by class and by function", async () => {
    expect(await makeBaseModel("audio/wave", { rate: 3 })).toBeInstanceOf(Wave);
    expect(await makeBaseModel("audio/spoken")).toBeInstanceOf(Spoken);
    expect(await makePart.reward("audio/loudness")).toBeInstanceOf(Loudness);
  });

  it("takes the reward that fits all", async () => {
    const environment = await make("audio/spoken", "any/zero", { steps: 2 });
    const sample = await environment.sample(2, { conditioning: { text: ["yes", "no"] } });
    expect(sample.at(1).conditioning.text).toEqual(["no"]);
    expect(Array.from(sample.rewards)).toEqual([0, 0]);
  });
});

describe("a spec", () => {
  it("holds what is needed to build an equal environment, as JSON", async () => {
    const environment = await make("audio/wave", "audio/loudness", {
      baseModel: { rate: 5 },
      steps: 6,
      noiseSchedule: constantNoise(0.3),
      rewardScale: 2,
    });
    expect(environment.spec).toEqual({
      baseModel: { id: "audio/wave", options: { rate: 5 } },
      reward: { id: "audio/loudness" },
      steps: 6,
      timeGrid: "interior",
      noiseSchedule: { type: "constant", sigma: 0.3 },
      rewardScale: 2,
    });
    const rebuilt = await make(JSON.parse(JSON.stringify(environment.spec)) as EnvironmentSpec);
    expect(rebuilt.spec).toEqual(environment.spec);
    const [a, b] = [await environment.sample(3, { seed: 4 }), await rebuilt.sample(3, { seed: 4 })];
    expect(Array.from(b.latent.data)).toEqual(Array.from(a.latent.data));
    expect(environment.withPolicies({}).spec).toEqual(environment.spec);
  });

  it("holds a grid of one's own and the permission to explode", async () => {
    const timeGrid = [0.1, 0.2, 0.7, 1];
    const own = await make("audio/wave", "any/zero", { timeGrid });
    expect(own.spec).toMatchObject({ steps: 3, timeGrid });
    expect(Array.from((await make(own.spec)).timesteps)).toEqual(Array.from(own.timesteps));
    const exploding = await make("audio/wave", "any/zero", {
      timeGrid: "reference",
      steps: 5,
      allowExpansiveGrid: true,
    });
    expect((await make(exploding.spec)).spec).toEqual(exploding.spec);
  });

  it("needs the two ids only", async () => {
    const environment = await make({ baseModel: { id: "audio/wave" }, reward: { id: "any/zero" } });
    expect(environment.steps).toBe(50);
  });

  it("is refused where it would not be true", async () => {
    const make2 = (options: object, id = "audio/wave"): Promise<Environment> =>
      untyped(id, "any/zero", { steps: 2, ...options });
    const solver = { name: "mine", step: () => undefined };
    const reasons: readonly (readonly [Environment, RegExp])[] = [
      [new Environment(new Wave(), new Loudness(), {}), /its base model \(Wave\) was not made by the registry.*make\(/],
      [await make2({ noiseSchedule: customNoise(() => 1) }), /its noise schedule is a function/],
      [await make2({ solver }), /its solver was given as an object/],
      [
        await make2({ baseModel: { rate: 3, log: () => undefined } }, "audio/spoken"),
        /options of its base model "audio\/spoken"/,
      ],
    ];
    for (const [environment, message] of reasons) {
      expect(() => environment.spec).toThrowError(IncompatibleError);
      expect(() => environment.spec).toThrowError(message);
    }
  });

  it.each([
    [null, /it is null/],
    [[], /it is an array/],
    [undefined, /it is undefined/],
    [7, /it is a number/],
    [{}, /its "baseModel" is undefined, which needs \{ "id": "modality\/name" \}/],
    [{ baseModel: "audio/wave", reward: { id: "any/zero" } }, /its "baseModel" is "audio\/wave"/],
    [{ baseModel: { id: "audio/wave" }, reward: { id: 3 } }, /its "reward" is \{"id":3\}/],
    [
      { baseModel: { id: "audio/wave", options: [1] }, reward: { id: "any/zero" } },
      /options of its "baseModel" are \[1\]/,
    ],
    [
      { baseModel: { id: "audio/wave" }, reward: { id: "any/zero" }, rewardscale: 3 },
      /unknown field "rewardscale"; did you mean "rewardScale"\?/,
    ],
    [{ env_id: "CartPole-v1", max_episode_steps: 500 }, /not a spec of an environment.*`environment.spec` gave/],
  ])("of another program is refused: %j", async (spec, message) => {
    const error = await rejection(make(spec as unknown as PartialSpec));
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ format: "environment spec", message: expect.stringMatching(message) as string });
  });

  it.each([
    [{ steps: "many" }, /whole number of steps/],
    [{ rewardScale: "2" }, /rewardScale must be a finite number/],
    [{ noiseSchedule: { type: "brown" } }, /Unknown noise schedule "brown"/],
    [{ steps: 10, timeGrid: [0.5, 1] }, /2 times make 1 steps, but steps is 10/],
    [{ timeGrid: "logarithmic" }, /Unknown time grid/],
  ])("with a wrong value is refused by who uses it: %j", async (part, message) => {
    const spec = { baseModel: { id: "audio/wave" }, reward: { id: "any/zero" }, ...part } as unknown as PartialSpec;
    await expect(make(spec)).rejects.toThrowError(message);
  });
});

describe("options", () => {
  it("that a part does not list are refused, with the nearest one that it does", async () => {
    const error = await rejection(untyped("audio/wave", "any/zero", { baseModel: { raet: 3 } }));
    expect(error).toMatchObject({ name: "ArgumentError", argument: "raet", value: "raet" });
    expect((error as Error).message).toBe(
      'The base model "audio/wave" has no option "raet"; did you mean "rate"? Known are rate.',
    );
  });

  it("that make does not know are refused too", async () => {
    const error = await rejection(untyped("audio/wave", "any/zero", { stepz: 3 }));
    expect(error).toMatchObject({ name: "ArgumentError", argument: "stepz" });
    expect((error as Error).message).toMatch(/make has no option "stepz"; did you mean "steps"\?/);
  });
});

describe("makers", () => {
  const register = registerReward as (id: string, maker: unknown, description: object) => void;

  it("are classes or functions", () => {
    expect(() => register("audio/none", undefined, { description: "" })).toThrowError(ArgumentError);
  });

  it("must give a part", async () => {
    register("audio/empty", () => undefined, { description: "" });
    const error = await rejection(untyped("audio/wave", "audio/empty"));
    expect(error).toMatchObject({ name: "RegistryError", id: "audio/empty" });
    expect((error as Error).message).toMatch(/returned undefined, no reward/);
  });
});

describe("ids", () => {
  it("that are unknown suggest the nearest", async () => {
    const error = await rejection(untyped("audio/wav", "any/zero"));
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ id: "audio/wav", suggestion: "audio/wave" });
    expect((error as Error).message).toMatch(
      /no base model "audio\/wav"\. Did you mean "audio\/wave"\? Registered are: /,
    );
    expect(await rejection(untyped("audio/wave", "audio/loudnes"))).toMatchObject({ suggestion: "audio/loudness" });
  });

  it("without a modality suggest the one that has it", async () => {
    const error = await rejection(untyped("wave", "loudness"));
    expect(error).toMatchObject({ name: "RegistryError", id: "loudness", suggestion: "audio/loudness" });
    expect((error as Error).message).not.toMatch(/npm install/);
  });

  it("of a modality that nobody imported name the package to install", async () => {
    const error = await rejection(untyped("molecules/qm9", "any/zero"));
    expect(error).toBeInstanceOf(RegistryError);
    expect((error as Error).message).toMatch(
      /npm install @diffusiongym\/molecules, then import "@diffusiongym\/molecules" before make/,
    );
  });

  it("of two modalities do not mix", async () => {
    const error = await rejection(untyped("audio/wave", "images/brightness"));
    expect(error).toBeInstanceOf(IncompatibleError);
    expect((error as Error).message).toMatch(/"audio\/wave".*"images\/brightness".*different modalities.*any\/zero/);
  });

  it("must not be forgotten", async () => {
    expect(await rejection(untyped("audio/wave"))).toMatchObject({ name: "ArgumentError", argument: "reward" });
  });

  it("are registered once: again with the same maker is harmless, with another an error that names both (DECISIONS 18)", () => {
    registerReward("audio/loudness", Loudness, { description: "mean square of a sound" });
    class OtherLoudness extends Loudness {}
    const again = (): void => registerReward("audio/loudness", OtherLoudness, { description: "another" });
    expect(again).toThrowError(RegistryError);
    expect(again).toThrowError(/reward "audio\/loudness" is already registered with Loudness; OtherLoudness cannot/);
    class OtherWave extends Wave<NoConditioning> {}
    expect(() => registerBaseModel("audio/wave", OtherWave, { description: "another" })).toThrowError(
      /already registered with Wave; OtherWave/,
    );
  });

  it.each(["audio", "audio/", "/wave", "audio wave/x", "audio/wave/long", ""])(
    "have a modality and a name: not %j",
    (id) => {
      const untypedRegister = registerReward as (id: string, maker: unknown, description: object) => void;
      const register = (): void => untypedRegister(id, () => new Loudness(), { description: "" });
      expect(register).toThrowError(ArgumentError);
      expect(register).toThrowError(/write modality\/name/);
    },
  );
});
