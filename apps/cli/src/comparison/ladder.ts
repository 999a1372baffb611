import type { CatalogueEntry, KnobValues } from "@diffusiongym/methods";
import type { ExactFacts, Settings } from "./job.js";

/** Peak learning rates that every trained method is tried with. */
const learningRates = [2e-3, 6e-3, 2e-2];

/** Below this effective share of the base model's samples one pool does not show the target, and pools come in rounds. */
const fewEffective = 0.05;

/** What a method is tried with: everything that is fixed, and what is varied. */
interface Ladder {
  readonly steps: number;
  readonly residualScale?: Settings["residualScale"];
  readonly fixed: KnobValues;
  /** @default the learning rates */
  readonly varied?: readonly KnobValues[];
}

const alongPaths: Ladder = { steps: 20, fixed: { batchSize: 128, averageDecay: 0.97 } };
const onEndpoints: Ladder = { steps: 32, fixed: { batchSize: 128, averageDecay: 0.97 } };

/** Methods that have no anchor are stopped at the KL of the exact target, which only an oracle knows: the best that can befall them. */
function stopped(ladder: Ladder, exact: ExactFacts | undefined): Ladder {
  return exact === undefined ? ladder : { ...ladder, fixed: { ...ladder.fixed, maxKlPath: exact.kl } };
}

/** The pools of methods that draw them: in rounds where one pool would not show the target. */
function pools(exact: ExactFacts | undefined, rounds: number): KnobValues {
  const inRounds = (exact?.baseEss ?? 0) < fewEffective;
  return {
    batchSize: 128,
    averageDecay: 0.99,
    basePoolSize: inRounds ? 8192 : 16_384,
    poolSize: 2048,
    rounds: inRounds ? 4 : rounds,
  };
}

function ladderOf(name: string, exact: ExactFacts | undefined): Ladder {
  switch (name) {
    case "value-matching":
      return { steps: 20, fixed: { batchSize: 128 } };
    case "offline-value":
      return { steps: 32, fixed: { poolSize: 16_384, batchSize: 512, leastEss: 1 } };
    case "path-weighted-tilt-matching":
      return { steps: 32, fixed: { ...pools(exact, 2), ladderEss: 400, leastEss: 1 } };
    case "tilt-matching":
      return { steps: 32, fixed: pools(exact, 1) };
    case "reward-weighted-regression":
      return { steps: 32, fixed: { ...pools(exact, 1), leastEss: 1 } };
    case "reinforce-adjoint-matching":
      return {
        ...onEndpoints,
        residualScale: "one-minus-t",
        fixed: { ...onEndpoints.fixed, pathCost: true },
      };
    case "reward-weighted-flow-matching":
      return {
        ...onEndpoints,
        fixed: { ...onEndpoints.fixed, learningRate: 6e-3, temperature: 1 },
        varied: [2, 0.5, 0.1].map((referencePenalty) => ({ referencePenalty })),
      };
    case "diffusion-nft":
      return {
        ...onEndpoints,
        fixed: { ...onEndpoints.fixed, learningRate: 6e-3 },
        varied: [2, 0.5, 0.1].map((referencePenalty) => ({ referencePenalty })),
      };
    case "ddpo":
    case "draft-lv":
    case "align-prop":
    case "refl":
      return stopped(alongPaths, exact);
    case "draft":
      return { ...alongPaths, fixed: { ...alongPaths.fixed, truncation: "all", klWeight: 1 } };
    case "efficient-adjoint-matching":
      return { ...onEndpoints, fixed: { ...onEndpoints.fixed, odeSteps: 12, scoreTime: 0.999 } };
    case "best-of-n":
      return { steps: 20, fixed: { solverSteps: 12 }, varied: [4, 8, 32].map((candidates) => ({ candidates })) };
    case "sequential-monte-carlo":
      return { steps: 32, fixed: {}, varied: [64, 256, 1024].map((particles) => ({ particles })) };
    case "svdd":
      return { steps: 20, fixed: {}, varied: [4, 8, 16].map((children) => ({ children })) };
    case "reward-guidance":
      return { steps: 32, fixed: {}, varied: [0.7, 1, 1.3].map((strength) => ({ strength })) };
    default:
      return alongPaths;
  }
}

/**
 * The settings that a method is tried with on a problem: three, for every method. Trained methods vary the learning rate, or, where
 * nothing but a penalty decides how far they go, the penalty; samplers the knob that decides how close they come.
 */
export function settingsToTry({ name, trains }: CatalogueEntry, exact: ExactFacts | undefined): Settings[] {
  const ladder = ladderOf(name, exact);
  const { steps, residualScale, fixed } = ladder;
  const varied =
    ladder.varied ?? (trains === "nothing" ? [{}] : learningRates.map((learningRate) => ({ learningRate })));
  return varied.map((knobs) => ({
    steps,
    ...(residualScale && { residualScale }),
    knobs: { ...fixed, ...knobs },
  }));
}
