import { constructEnv, DDTensor, type Environment, isErrorNamed } from "@diffusiongym/core";
import {
  AdjointMatching,
  type AdjointMatchingOptions,
  type Method,
  type MethodState,
  type Metrics,
} from "@diffusiongym/methods";
import { checkMethod, type MethodSetup } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
type Setup = MethodSetup<DDTensor, Record<string, never>>;

const problem = (rewardScale = 0.5): Environment => constructEnv(model, new LinearReward(), { steps: 4, rewardScale });

const optionsOf = ({ environment, iterations }: Setup): AdjointMatchingOptions => ({
  environment,
  iterations,
  policy: residualPolicy(model),
  batchSize: 16,
  learningRate: 2e-2,
  clipQuantile: 0.99,
});

/** What is reported when the methods that `make` builds are broken. */
async function failures(make: (setup: Setup) => AdjointMatching): Promise<string> {
  try {
    await checkMethod({
      environment: problem(),
      make,
      adapted: (method) => ({ policy: method.adapted }),
      iterations: 20,
      n: 256,
    });
    return "";
  } catch (error) {
    expect(isErrorNamed(error, "ConformanceError")).toBe(true);
    return (error as Error).message;
  }
}

describe("checkMethod finds", () => {
  it("nothing wrong with a sound method", async () => {
    expect(await failures((setup) => new AdjointMatching(optionsOf(setup)))).toBe("");
  });

  it("a state that leaves something out", async () => {
    class Forgetful extends AdjointMatching {
      protected override restoreExtra(): void {}
    }
    const found = await failures((setup) => new Forgetful({ ...optionsOf(setup), clipQuantile: 0.5 }));
    expect(found).toContain("Interrupted after 2 iterations");
    expect(found).not.toContain("twice");
  });

  it("runs that differ", async () => {
    let run = 0;
    expect(await failures((setup) => new AdjointMatching({ ...optionsOf(setup), seed: run++ }))).toContain("twice");
  });

  it("a state that is not a copy", async () => {
    class Aliasing extends AdjointMatching {
      override state(): MethodState {
        const state = super.state();
        return {
          ...state,
          arrays: new Map([...state.arrays, ["policy/head.bias", this.policy.parameters.get("head.bias").data]]),
        };
      }
    }
    expect(await failures((setup) => new Aliasing(optionsOf(setup)))).toContain("A later iteration changes a state");
  });

  it("an abort that leaves traces", async () => {
    class Hasty extends AdjointMatching {
      override iterate(signal?: AbortSignal): Promise<Metrics> {
        this.policy.parameters.data[0]! += signal?.aborted ? 1 : 0;
        return super.iterate(signal);
      }
    }
    expect(await failures((setup) => new Hasty(optionsOf(setup)))).toContain("An abort changes it");
  });

  it("a set-up that is not refused, and one that is refused too late", async () => {
    class Careless extends AdjointMatching {
      override async validate(): Promise<void> {}
    }
    const careless = await failures((setup) => new Careless(optionsOf(setup)));
    expect(careless).toContain('lacks "a reward scale"');
    expect(careless).toContain('lacks "no policy"');
    class Late extends AdjointMatching {
      override async validate(): Promise<void> {
        await this.environment.baseModel.forward(DDTensor.from([[0]]), Float32Array.of(0.5), {});
        await super.validate();
      }
    }
    expect(await failures((setup) => new Late(optionsOf(setup)))).toContain("before it refuses");
  });

  it("a flipped sign", async () => {
    const flip = ({ environment, iterations }: Setup): AdjointMatching => {
      const { reward, rewardScale } = environment;
      const other = constructEnv(model, reward, { steps: 4, rewardScale: -rewardScale });
      return new AdjointMatching(optionsOf({ environment: environment.policy ? environment : other, iterations }));
    };
    const found = await failures(flip);
    expect(found).toContain("look for a flipped sign");
    expect(found).toContain("With a negative rewardScale");
  });

  it("rollouts of a policy that is stale", async () => {
    class Stale extends AdjointMatching {
      private readonly frozen = this.policy.withParameters(this.policy.parameters.clone());
      protected override rollOutBatch(...[signal, request]: Parameters<AdjointMatching["rollOutBatch"]>) {
        return super.rollOutBatch(signal, { policy: this.frozen, ...request });
      }
    }
    expect(await failures((setup) => new Stale(optionsOf(setup)))).toContain("kl_path does not follow");
  });

  it("training on a reward of 0 that changes the model, and metrics that are not numbers", async () => {
    class Restless extends AdjointMatching {
      protected override async advance(signal: AbortSignal | undefined): Promise<Metrics> {
        const metrics = await super.advance(signal);
        this.policy.parameters.get("head.bias").data[0]! += 0.1;
        return { ...metrics, mystery: Number.NaN };
      }
    }
    const found = await failures((setup) => new Restless(optionsOf(setup)));
    expect(found).toContain("A reward of 0 changes the model");
    expect(found).toContain("not all finite");
  });
});

it("a method is what it says", () => {
  const method: Method = new AdjointMatching(optionsOf({ environment: problem(), iterations: 1 }));
  expect(method.describe()).toMatchObject({ adjointIndex: "next", kernel: "euler-maruyama", batchSize: 16, seed: 0 });
  expect(method.cite()).toContain("domingoenrich2025adjoint");
});
