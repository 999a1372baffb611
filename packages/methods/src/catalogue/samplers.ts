import type { DiffusionData } from "@diffusiongym/core";
import { BestOfN } from "../best-of-n/index.js";
import { RewardGuidance } from "../guidance/index.js";
import type { SteeredSampler } from "../samplers/index.js";
import { odeSolverNames } from "../sampling/index.js";
import { SequentialMonteCarlo } from "../sequential-monte-carlo/index.js";
import { SVDD } from "../svdd/index.js";
import type { CatalogueEntry, MadeMethod, MethodParts } from "./entry.js";
import { choice, integer, type Knob, type KnobValues, number, timeRange } from "./knob.js";

const rowsAtOnce: Knob = integer("Candidates computed at once; changes no number", 8192);

function sampler(
  entry: Omit<CatalogueEntry, "trains" | "make">,
  build: <D extends DiffusionData<D>, C extends object>(options: KnobValues) => SteeredSampler<D, C>,
): CatalogueEntry {
  return {
    ...entry,
    trains: "nothing",
    make: async <D extends DiffusionData<D>, C extends object>(_: MethodParts<D, C>, knobs: KnobValues) => ({
      adapted: { kind: "sampler" as const, sampler: build<D, C>(knobs) },
    }),
  };
}

/** Ways to sample better ones from the base model as it is. */
export const steeredSamplers: readonly CatalogueEntry[] = [
  sampler(
    {
      name: "best-of-n",
      title: "best of n",
      needs: "Any reward",
      convergesTo: "The largest of n rewards, not the tilt; KL to the base model at most log n - (n - 1) / n",
      knobs: {
        candidates: integer("Candidates a sample, n", 4),
        solver: choice("How candidates are drawn", [...odeSolverNames, "sde"], "heun"),
        solverSteps: integer("Steps of the ODE", 24),
        rowsAtOnce,
      },
    },
    ({ candidates = 4, solverSteps = 24, ...rest }) =>
      new BestOfN({ ...rest, candidates: candidates as number, steps: solverSteps as number }),
  ),
  sampler(
    {
      name: "sequential-monte-carlo",
      title: "sequential Monte Carlo",
      needs: "Any reward, random steps",
      convergesTo: "The tilt as the number of particles grows, with a bias of order 1 / particles",
      knobs: {
        particles: integer("Particles of a run", 16),
        potential: choice("What particles are weighed by on the way", ["none", "endpoint", "max", "sum"], "endpoint"),
        every: integer("Steps between two evaluations of the potential", 1),
        timeRange: timeRange("Times between which it is evaluated", 0.2, 0.9),
        essThreshold: number("Resample below this share of effective particles, in [0, 1]", 0.5, { least: 0 }),
        keep: choice("What is kept of a run", ["all", "one"], "all"),
        rowsAtOnce,
      },
    },
    (options) => new SequentialMonteCarlo(options),
  ),
  sampler(
    {
      name: "svdd",
      title: "SVDD",
      needs: "Any reward, random steps",
      convergesTo: "Towards the tilt, with a bias: no weights are carried",
      knobs: {
        children: integer("Children of which one is chosen at every step", 10),
        timeRange: timeRange("Times between which they are chosen among", 0.1, 1),
        rowsAtOnce,
      },
    },
    (options) => new SVDD(options),
  ),
  {
    name: "reward-guidance",
    title: "guidance by the reward's gradient",
    trains: "nothing",
    needs: "A differentiable reward and base model (vjp)",
    convergesTo: "Near the tilt for small lambda, beyond it for larger ones",
    knobs: {
      strength: number("Factor of the control", 1),
      timeRange: timeRange("Times between which it acts", 0, 1),
    },
    async make<D extends DiffusionData<D>, C extends object>(
      { environment }: MethodParts<D, C>,
      knobs: KnobValues,
    ): Promise<MadeMethod<D, C>> {
      const controlPolicy = new RewardGuidance<D, C>({ ...knobs, environment });
      await controlPolicy.validate();
      return { adapted: { kind: "control", controlPolicy } };
    },
  },
];
