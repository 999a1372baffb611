import type { DiffusionData } from "@diffusiongym/core";
import { ValuePolicy } from "@diffusiongym/core";
import { OfflineValue, type OfflineValueOptions } from "../offline-value/index.js";
import { ValueMatching, type ValueMatchingOptions } from "../value-matching/index.js";
import type { CatalogueEntry, MadeMethod, MethodParts } from "./entry.js";
import { boolean, choice, integer, type KnobValues, number, timeRange } from "./knob.js";
import { groupSize } from "./shared-knobs.js";

const learning = (learningRate: number) => ({
  learningRate: number("Peak of Adam's learning rate, which falls to 0 along a cosine", learningRate, {
    positive: true,
  }),
  maxGradientNorm: number("Largest norm of the gradient", 1, { positive: true }),
});
const rows = "Rows of the network computed at once; changes no update beyond rounding";

/** Methods that train a value function, whose gradient steers the base model; any reward. */
export const valueMethods: readonly CatalogueEntry[] = [
  {
    name: "value-matching",
    title: "value matching",
    trains: "value",
    needs: "Any reward, memoryless noise",
    convergesTo: "The tilt, within a few percent at 32 steps; sample with the SDE on the grid of training",
    knobs: {
      iterations: integer("Iterations", 1000),
      batchSize: integer("Rollouts of an iteration", 128),
      updatesPerIteration: integer("Updates on the rollouts of an iteration", 1),
      ...learning(1e-3),
      target: choice("What the value is regressed on", ["martingale", "plain"], "martingale"),
      lookAhead: boolean("Take the control's gradient where the base step leads", true),
      weights: choice("Weight of the regression at a time", ["uniform", "variance"], "uniform"),
      regressionBatchSize: integer(rows, 8192),
    },
    async make<D extends DiffusionData<D>, C extends object>(
      { environment, seed, value: networkOf }: MethodParts<D, C>,
      knobs: KnobValues,
    ): Promise<MadeMethod<D, C>> {
      const value = await networkOf("value");
      const options: ValueMatchingOptions<D, C> = { ...knobs, environment, value, seed };
      const lookAhead = options.lookAhead ?? true;
      const controlPolicy = new ValuePolicy({ value, scheduler: environment.scheduler, lookAhead });
      return { method: new ValueMatching(options), adapted: { kind: "control", controlPolicy }, value };
    },
  },
  {
    name: "offline-value",
    title: "offline value learning",
    trains: "value",
    needs: "Any reward, memoryless noise",
    convergesTo: "The tilt, up to the fit and to what the pool has seen",
    knobs: {
      iterations: integer("Updates", 2000),
      batchSize: integer("Noised samples of an update", 1024),
      ...learning(3e-3),
      loss: choice("Regression of E[exp(lambda r) | x_t], or contrasts", ["exponential", "contrastive"], "contrastive"),
      poolSize: integer("Samples of the base model, drawn once", 16_384, { least: 2 }),
      odeSteps: integer("Steps of Heun's method for the pool", 24),
      contrastSize: integer("Samples that are compared at one time", 32, { least: 2 }),
      contrastWeights: choice(
        "Weights over their mean in the pool, or their sum in the contrast",
        ["pool", "softmax"],
        "pool",
      ),
      groupSize,
      timeRange: timeRange("Times between which samples are noised", 0.001, 0.999),
      leastEss: number("Effective samples that the weighted pool must have", 20, { least: 0 }),
      rowsAtOnce: integer(rows, 8192),
    },
    async make<D extends DiffusionData<D>, C extends object>(
      { environment, seed, value: networkOf }: MethodParts<D, C>,
      knobs: KnobValues,
    ): Promise<MadeMethod<D, C>> {
      const options: OfflineValueOptions<D, C> = { ...knobs, environment, value: await networkOf("value"), seed };
      const method = new OfflineValue(options);
      return { method, adapted: { kind: "control", controlPolicy: method.controlPolicy }, value: method.value };
    },
  },
];
