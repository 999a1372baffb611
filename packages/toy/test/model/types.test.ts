import {
  type BaseModel,
  type DDTensor,
  type Environment,
  make,
  makeBaseModel,
  makeReward,
  type NoConditioning,
  type Reward,
} from "@diffusiongym/core";
import { describe, expectTypeOf, it } from "vitest";
import type { LinearRewardOptions, ToyMixtureOptions } from "../../src/index.js";

describe("types by id", () => {
  it("make knows data, conditioning and options", () => {
    expectTypeOf(make<"toy/gmm", "toy/linear">).returns.resolves.toEqualTypeOf<Environment<DDTensor, NoConditioning>>();
    expectTypeOf(makeBaseModel<"toy/gmm2d">)
      .parameter(1)
      .toEqualTypeOf<ToyMixtureOptions | undefined>();
    expectTypeOf(makeBaseModel<"toy/gmm2d">).returns.resolves.toEqualTypeOf<BaseModel<DDTensor, NoConditioning>>();
    expectTypeOf(makeReward<"toy/linear">)
      .parameter(1)
      .toEqualTypeOf<LinearRewardOptions | undefined>();
    expectTypeOf(makeReward<"toy/box">).returns.resolves.toEqualTypeOf<Reward<DDTensor, NoConditioning>>();
  });

  it("wrong ids and wrong options do not compile", () => {
    const never = (): unknown[] => [
      // @ts-expect-error no such model
      make("toy/gmm3d", "toy/linear"),
      // @ts-expect-error no such reward
      make("toy/gmm", "toy/cubic"),
      // @ts-expect-error an option of another reward
      make("toy/gmm", "toy/linear", { reward: { radius: 2 } }),
      // @ts-expect-error not a number
      make("toy/gmm", "toy/linear", { baseModel: { means: ["0"] } }),
    ];
    expectTypeOf(never).toBeFunction();
  });
});
