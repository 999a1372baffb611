import { DiffusionNft } from "../diffusion-nft/index.js";
import { PathWeightedTiltMatching } from "../path-weighted-tilt-matching/index.js";
import { ReinforceAdjointMatching } from "../reinforce-adjoint-matching/index.js";
import { RewardWeightedFlowMatching } from "../reward-weighted-flow-matching/index.js";
import { RewardWeightedRegression } from "../reward-weighted-regression/index.js";
import { TiltMatching } from "../tilt-matching/index.js";
import type { CatalogueEntry } from "./entry.js";
import { boolean, choice, integer, number } from "./knob.js";
import { endpointKnobs, groupSize, policyKnobs, pooledKnobs } from "./shared-knobs.js";
import { trainedPolicy } from "./trained.js";

const pooled = { iterations: 4000, batchSize: 512, learningRate: 6e-3, averageDecay: 0.995 };
const evenly = "iterations / rounds";

/** Methods that train a policy by regression on noised endpoints; any reward. */
export const methodsOnEndpoints: readonly CatalogueEntry[] = [
  trainedPolicy(
    {
      name: "path-weighted-tilt-matching",
      title: "path-weighted tilt matching",
      needs: "Any reward, memoryless noise; 64 steps or more",
      convergesTo: "The tilt, by the SDE on every grid and by the ODE",
      knobs: {
        ...policyKnobs(pooled),
        ...pooledKnobs(4, "500, or iterations / (2 rounds) if that is less"),
        weights: choice("Where the weights of later pools come from", ["path", "reward", "none"], "path"),
        baseSampler: choice("How the base model's pool is drawn", ["ode", "sde"], "ode"),
        ladderEss: number("Effective samples that a step of the ladder must keep", 2000, { positive: true }),
        leastEss: number("Effective samples below which the run stops", 200, { least: 0 }),
        leastEssFraction: number("Pools with a smaller effective share are left out", 0, { least: 0 }),
        consistencyLimit: number("Standard errors by which two pools may differ before the run stops", 5, {
          positive: true,
        }),
      },
    },
    (options) => new PathWeightedTiltMatching(options),
  ),
  trainedPolicy(
    {
      name: "tilt-matching",
      title: "tilt matching",
      needs: "Any reward; no SDE",
      convergesTo: "Implicit: the tilt, each round adding the errors of its fit. Explicit: over-tilted at first order",
      knobs: {
        ...policyKnobs({ ...pooled, iterations: 1200, learningRate: 3e-3 }),
        ...pooledKnobs(1, evenly),
        form: choice("Implicit or explicit", ["implicit", "explicit"], "implicit"),
      },
    },
    (options) => new TiltMatching(options),
  ),
  trainedPolicy(
    {
      name: "reward-weighted-regression",
      title: "reward-weighted regression",
      needs: "Any reward; no SDE",
      convergesTo: "The tilt as the pool grows; with rounds, what one misses the next inherits",
      knobs: {
        ...policyKnobs(pooled),
        ...pooledKnobs(1, evenly),
        maxWeight: number("Largest weight, over the mean weight", undefined, { positive: true, shownDefault: "none" }),
        leastEss: number("Effective samples below which the run stops", 200, { least: 0 }),
      },
    },
    (options) => new RewardWeightedRegression(options),
  ),
  trainedPolicy(
    {
      name: "reward-weighted-flow-matching",
      title: "reward-weighted flow matching",
      needs: "Any reward; no SDE",
      convergesTo: "A fixed point of its own, which is not the tilt; without referencePenalty it collapses",
      knobs: {
        ...policyKnobs({ iterations: 1000, batchSize: 256, learningRate: 3e-3 }),
        ...endpointKnobs(12),
        temperature: number("tau in the weights exp(tau z)", 0.5, { positive: true }),
        standardize: boolean("Standardise the rewards by running statistics", true),
        referencePenalty: number("Factor of the squared distance to the base model", 1, { least: 0 }),
        refreshEvery: integer("Iterations after which the sampling policy is renewed", 1),
        groupSize,
      },
    },
    (options) => new RewardWeightedFlowMatching(options),
  ),
  trainedPolicy(
    {
      name: "reinforce-adjoint-matching",
      title: "reinforce adjoint matching",
      needs: "Any reward; no SDE. The conditional baseline is a value network, pathCost another",
      convergesTo: "A backward Euler step towards the tilt (.708 of lambda = 1 on three modes); with pathCost the tilt",
      knobs: {
        ...policyKnobs({ iterations: 1500, batchSize: 256, learningRate: 3e-3, averageDecay: 0.99 }),
        ...endpointKnobs(12),
        baseline: choice("What the reward is compared with", ["conditional", "mean", "none"], "conditional"),
        pathCost: boolean("Keep the cost of the path, which makes the fixed point the tilt", false),
        trapezoid: boolean("Half of lambda by an explicit step, half from there", false),
        baselineLearningRate: number("Learning rate of the baselines", undefined, {
          positive: true,
          shownDefault: "that of the policy",
        }),
        groupSize,
        normalization: choice("Divide rewards by their deviation in the group", ["none", "std"], "none"),
        maxCost: number("Largest sample of the path cost", 200, { positive: true }),
        maxCorrection: number("Largest norm of target minus base output", undefined, {
          positive: true,
          shownDefault: "50 with pathCost, else none",
        }),
        rolloutEvery: integer("Iterations between rollouts that measure the path KL; 0 for none", 0, { least: 0 }),
      },
    },
    (options) => new ReinforceAdjointMatching(options),
    ({ baseline = "conditional", pathCost = false }) =>
      baseline === "conditional" ? ["rewardBaseline", ...(pathCost === true ? ["costBaseline"] : [])] : [],
  ),
  trainedPolicy(
    {
      name: "diffusion-nft",
      title: "DiffusionNFT",
      needs: "Any reward; no SDE",
      convergesTo:
        "Nothing: every iteration tilts further, and it collapses; with referencePenalty a point that is not the tilt",
      knobs: {
        ...policyKnobs({ iterations: 300, batchSize: 256, learningRate: 3e-3 }),
        ...endpointKnobs(12),
        strength: number("nu (beta in the paper): a step goes 1 / nu as far", 1, { positive: true }),
        groupSize,
        normalization: choice("What rewards are divided by: deviation or largest", ["std", "max"], "std"),
        updatesPerIteration: integer("Updates on each batch of endpoints", 1),
        oldDecay: number("Decay of the old policy, in [0, 1]", undefined, {
          least: 0,
          shownDefault: "min(iteration / 1000, 0.5)",
        }),
        referencePenalty: number("Factor of the squared distance to the base model", 0, { least: 0 }),
        weighting: choice("Weight of the times", ["velocity", "endpoint-error"], "velocity"),
      },
    },
    (options) => new DiffusionNft(options),
  ),
];
