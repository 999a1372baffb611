import { AdjointMatching } from "../adjoint-matching/index.js";
import { AlignProp, Draft, DraftLowVariance, ReFL } from "../direct-reward/index.js";
import { EfficientAdjointMatching } from "../efficient-adjoint-matching/index.js";
import type { CatalogueEntry } from "./entry.js";
import { choice, integer, number } from "./knob.js";
import { policyKnobs } from "./shared-knobs.js";
import { trainedPolicy } from "./trained.js";

const direct = policyKnobs({ iterations: 500, batchSize: 64, maxKlPath: 100 });
const klWeight = number("Factor of the path KL over the steps that gradients pass through", 0, { least: 0 });
const reaches = "Nothing but the largest reward: samples leave the data, so the run stops at maxKlPath";

/** Methods that train a policy and follow the reward's gradient. */
export const methodsWithGradient: readonly CatalogueEntry[] = [
  trainedPolicy(
    {
      name: "adjoint-matching",
      title: "adjoint matching",
      needs: "A differentiable reward and base model (vjp), memoryless noise",
      convergesTo: "The tilt; on N steps .93, .965, .985 of lambda at N = 10, 20, 50 on three modes",
      knobs: {
        ...policyKnobs({ iterations: 1000, batchSize: 128, unclipped: true }),
        adjointIndex: choice(
          "Match a step to the adjoint after it, or before it as public code does",
          ["next", "current"],
          "next",
        ),
        lossSteps: integer("Steps that enter the loss of an iteration", undefined, { shownDefault: "all" }),
        clipQuantile: number("Leave out the terms above this quantile, in [0, 1]", undefined, {
          least: 0,
          shownDefault: "none",
        }),
      },
    },
    (options) => new AdjointMatching(options),
  ),
  trainedPolicy(
    {
      name: "efficient-adjoint-matching",
      title: "efficient adjoint matching",
      needs: "A differentiable reward, the base model's score near the data; no SDE",
      convergesTo: "The tilt where there is one mode; separated modes keep the weights they have",
      knobs: {
        ...policyKnobs({ iterations: 1000, batchSize: 256 }),
        odeSteps: integer("Steps of Heun's method for the endpoints", 24),
        noisings: integer("Fresh noisings of each endpoint", 4),
        scoreTime: number("Time at which the base model gives the score of data points, in [0.5, 1)", 0.99, {
          least: 0.5,
        }),
      },
    },
    (options) => new EfficientAdjointMatching(options),
  ),
  trainedPolicy(
    {
      name: "draft",
      title: "DRaFT",
      needs: "A differentiable reward; for truncation above 1 a differentiable policy (copy or lora)",
      convergesTo: `${reaches}. With truncation all and klWeight 1 the tilt`,
      knobs: {
        ...direct,
        truncation: integer("Last steps that gradients pass through", 1, { words: ["all", "random"] }),
        klWeight,
        noisings: integer("Fresh noisings of the end state for the last step's gradient; 0 for none", 0, { least: 0 }),
      },
    },
    (options) => new Draft(options),
  ),
  trainedPolicy(
    {
      name: "draft-lv",
      title: "DRaFT-LV",
      needs: "A differentiable reward",
      convergesTo: reaches,
      knobs: { ...direct, noisings: integer("Fresh noisings of the end state", 2) },
    },
    (options) => new DraftLowVariance(options),
  ),
  trainedPolicy(
    {
      name: "align-prop",
      title: "AlignProp",
      needs: "A differentiable reward and policy (copy or lora)",
      convergesTo: reaches,
      knobs: {
        ...direct,
        truncation: integer("Last steps that gradients pass through", undefined, {
          words: ["all", "random"],
          shownDefault: "random",
        }),
        klWeight,
      },
    },
    (options) => new AlignProp(options),
  ),
  trainedPolicy(
    {
      name: "refl",
      title: "ReFL",
      needs: "A differentiable reward that can judge predicted endpoints",
      convergesTo: reaches,
      knobs: {
        ...direct,
        window: number("Endpoints are predicted in this last share of the steps, in (0, 1]", 0.3, { positive: true }),
        margin: number("Samples whose reward is above it are left in peace", undefined, { shownDefault: "none" }),
      },
    },
    (options) => new ReFL(options),
  ),
];
