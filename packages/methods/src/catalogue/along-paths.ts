import { DDPO } from "../ddpo/index.js";
import { FlowGRPO } from "../flow-grpo/index.js";
import { LogVariance } from "../log-variance/index.js";
import { Reinforce } from "../reinforce/index.js";
import type { CatalogueEntry } from "./entry.js";
import { boolean, choice, integer, number } from "./knob.js";
import { groupSize, policyKnobs, surrogateKnobs } from "./shared-knobs.js";
import { trainedPolicy } from "./trained.js";

/** Methods that train a policy on the probabilities of its steps; any reward. */
export const methodsAlongPaths: readonly CatalogueEntry[] = [
  trainedPolicy(
    {
      name: "reinforce",
      title: "REINFORCE",
      needs: "Any reward, random steps",
      convergesTo: "With memoryless noise the tilt: .966, .986 of lambda at 20, 50 steps",
      knobs: {
        ...policyKnobs({ iterations: 1000, batchSize: 256 }),
        groupSize,
        toGo: boolean("Weigh a step by the costs after it only", true),
      },
    },
    (options) => new Reinforce(options),
  ),
  trainedPolicy(
    {
      name: "ddpo",
      title: "DDPO",
      needs: "Any reward, random steps",
      convergesTo:
        "Nothing but the largest reward: there is no anchor, so the run stops at maxKlPath; of lambda only the sign counts",
      knobs: {
        ...policyKnobs({ iterations: 100, batchSize: 128, maxKlPath: 50 }),
        ...surrogateKnobs(undefined),
        estimator: choice("Clipped ratios, or the score function alone", ["importance", "score"], "importance"),
        advantageClip: number("Largest absolute advantage", 5, { positive: true }),
        historySize: integer("Rewards of each group that are remembered", 32, { least: 0 }),
        leastHistory: integer("Rewards that a group must have remembered to be judged by them", 16),
      },
    },
    (options) => new DDPO(options),
  ),
  trainedPolicy(
    {
      name: "flow-grpo",
      title: "Flow-GRPO",
      needs: "Any reward, random steps",
      convergesTo:
        "With klToGo and memoryless noise the tilt: .966, .986 of lambda at 20, 50 steps; without klToGo not the tilt",
      knobs: {
        ...policyKnobs({ iterations: 400, batchSize: 256 }),
        ...surrogateKnobs({ clip: "0.2; 1e-4 for means", skipped: "0; 1 in the published form" }),
        klForm: choice("The exact KL of a step, or the published one", ["exact", "flow-grpo"], "exact"),
        klToGo: boolean("Subtract the KL still to come from the advantage", undefined, {
          shownDefault: "true; false in the published form",
        }),
        normalization: choice("Divide advantages by the group's deviation", ["none", "std"], undefined, {
          shownDefault: "none; std in the published form",
        }),
        advantageClip: number("Largest absolute advantage", undefined, {
          positive: true,
          shownDefault: "none; 5 in the published form",
        }),
      },
    },
    (options) => new FlowGRPO(options),
  ),
  trainedPolicy(
    {
      name: "log-variance",
      title: "log-variance",
      needs: "Any reward, random steps; memoryless ones unless normalizer is start",
      convergesTo: "With memoryless noise the tilt; the gradient's noise vanishes there",
      knobs: {
        ...policyKnobs({ iterations: 1000, batchSize: 256 }),
        groupSize,
        behaviour: choice("Whose paths are learned from", ["policy", "base"], "policy"),
        normalizer: choice(
          "What stands for log Z: the batch's mean, a running number, or a network of the start",
          ["batch", "scalar", "start"],
          "batch",
        ),
        normalizerRate: number("How fast the running number follows, in (0, 1]", 0.1, { positive: true }),
        startLearningRate: number("Learning rate of the network of the start", 1e-3, { positive: true }),
        updatesPerRollout: integer("Updates from each rollout; above 1 it replays paths", 1),
        replaySize: integer("Rollouts kept for replay", 0, { least: 0 }),
      },
    },
    (options) => new LogVariance(options),
    ({ normalizer }) => (normalizer === "start" ? ["startValue"] : []),
  ),
];
