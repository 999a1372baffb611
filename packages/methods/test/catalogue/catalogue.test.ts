import { type DDTensor, make, type NoConditioning, RandomKey } from "@diffusiongym/core";
import * as methods from "@diffusiongym/methods";
import {
  type CatalogueEntry,
  type Knob,
  type KnobValues,
  type MethodParts,
  methodCatalogue,
} from "@diffusiongym/methods";
import { Network, ValueNetwork, valueMlp } from "@diffusiongym/nn";
import { describe, expect, it } from "vitest";
import { residualPolicy } from "../support/policies.js";

async function parts(): Promise<MethodParts<DDTensor, NoConditioning>> {
  await import("@diffusiongym/toy");
  const environment = await make("toy/gmm", "toy/linear", { steps: 6 });
  return {
    environment,
    seed: 3,
    policy: async () => residualPolicy(environment.baseModel),
    value: async (name) =>
      new ValueNetwork({
        network: Network.initialize(valueMlp({ inDim: 1, width: 4, depth: 1 }), RandomKey.fromSeed(1).fold(name)),
      }),
  };
}

/** What the method says of itself: everything that changes its numbers. */
async function described(entry: CatalogueEntry, knobs: KnobValues): Promise<unknown> {
  const { method } = await entry.make(await parts(), knobs);
  return method?.describe();
}

/** A value other than the default. */
function another({ kind, default: initial, words = [], least = 0 }: Knob): KnobValues[string] {
  switch (kind) {
    case "boolean":
      return initial !== true;
    case "choice":
      return words.find((word) => word !== initial && word !== "start")!;
    case "range":
      return [0.3, 0.6];
    case "integer":
      return typeof initial === "number" && initial > 0 ? 2 * initial : 2;
    case "number":
      return typeof initial === "number" && initial > 1
        ? 2 * initial
        : Math.max(least, 0.7 * Number(initial ?? 1) || 0.25);
  }
}

/** Knobs that only make sense together. */
const together: { readonly [knob: string]: KnobValues } = {
  "flow-grpo klToGo": { klToGo: false },
  "flow-grpo logProbReduction": { logProbReduction: "mean" },
  "flow-grpo normalization": { normalization: "std" },
  "log-variance updatesPerRollout": { updatesPerRollout: 2, replaySize: 2 },
  "log-variance startLearningRate": { startLearningRate: 0.5 },
  "ddpo estimator": { estimator: "score" },
  "ddpo groupSize": { groupSize: 4 },
  "ddpo skipLastSteps": { skipLastSteps: 1 },
  "reinforce groupSize": { groupSize: 4 },
  "reward-weighted-regression maxWeight": { maxWeight: 4 },
  "offline-value contrastSize": { contrastSize: 64 },
  "reinforce-adjoint-matching pathCost": { pathCost: true },
};

const trained = methodCatalogue.filter(({ trains }) => trains !== "nothing");

describe("the catalogue", () => {
  it("names every method that the package exports", () => {
    const names = methodCatalogue.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const exported = Object.values(methods).filter(
      (value) => typeof value === "function" && typeof value.prototype?.cite === "function",
    );
    // Pretraining fits a base model to data: it adapts nothing to a reward.
    const others = ["Pretraining", "PolicyMethod"];
    const adapting = exported.filter((value) => !others.includes((value as { name: string }).name));
    expect(adapting.length).toBe(names.length);
  });

  it.each(methodCatalogue.map((entry) => [entry.name, entry] as const))(
    "makes %s under its own name",
    async (name, entry) => {
      const { method, adapted } = await entry.make(await parts(), {});
      expect(method === undefined).toBe(entry.trains === "nothing");
      expect(adapted.kind === "sampler" ? adapted.sampler.name : (method?.name ?? name)).toBe(name);
      expect([entry.needs, entry.convergesTo].every((text) => text.length > 5 && !text.endsWith("."))).toBe(true);
    },
  );

  it.each(trained.map((entry) => [entry.name, entry] as const))(
    "says the defaults of %s as they are, and has no knob that does nothing",
    async (name, entry) => {
      const own = await described(entry, {});
      const defaults = Object.entries(entry.knobs).flatMap(([knob, { default: value }]) =>
        value === undefined ? [] : [[knob, value] as const],
      );
      expect(await described(entry, Object.fromEntries(defaults))).toEqual(own);
      for (const [knob, definition] of Object.entries(entry.knobs)) {
        const given = together[`${name} ${knob}`] ?? { [knob]: another(definition) };
        expect(await described(entry, given), `${knob} ${JSON.stringify(given)}`).not.toEqual(own);
      }
    },
  );
});
