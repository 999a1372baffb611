import { nearestName } from "@diffusiongym/core";
import { UsageError } from "../arguments/index.js";

/** A base model with a reward and a reward scale, as data: what a child process needs to build it. */
export interface ComparisonProblem {
  /** Name for options and files. */
  readonly name: string;
  /** One line for tables. */
  readonly title: string;
  readonly model: { readonly id: string; readonly options?: object };
  readonly reward: { readonly id: string; readonly options?: object };
  /** lambda: the target is p(x) exp(lambda r(x)). */
  readonly rewardScale: number;
  /** Packages of third parties that register the parts. */
  readonly imports?: readonly string[];
}

/** The three modes on the line of METHODS 4.1. */
const s1 = { weights: [0.5, 0.3, 0.2], means: [-2, 0.5, 2.5], standardDeviations: [0.4, 0.3, 0.5] };

const corners = [
  [-2, -2],
  [-2, 2],
  [2, -2],
  [2, 2],
];

/** Coordinates of H16 beyond the plane of its modes. */
const beyond = 14;

/** The problems of the published comparison, the most telling first. */
export const comparisonProblems: readonly ComparisonProblem[] = [
  {
    name: "s1",
    title: "S1: three modes on the line, r = x, λ = 1",
    model: { id: "toy/gmm", options: s1 },
    reward: { id: "toy/linear" },
    rewardScale: 1,
  },
  {
    name: "four-modes",
    title: "Four modes in the plane, r = x₁, λ = 0.5",
    model: { id: "toy/gmm2d" },
    reward: { id: "toy/linear" },
    rewardScale: 0.5,
  },
  {
    name: "h16",
    title: "H16: four modes in 16 dimensions, r = x₁/2 + 8 (x₃ + … + x₁₆)/√14, λ = 1",
    model: {
      id: "toy/gmm",
      options: {
        means: corners.map((corner) => [...corner, ...new Array<number>(beyond).fill(0)]),
        standardDeviations: 0.35,
      },
    },
    reward: {
      id: "toy/linear",
      options: { direction: [0.5, 0, ...new Array<number>(beyond).fill(8 / Math.sqrt(beyond))] },
    },
    rewardScale: 1,
  },
  {
    name: "s1-strong",
    title: "S1, r = x, λ = 3",
    model: { id: "toy/gmm", options: s1 },
    reward: { id: "toy/linear" },
    rewardScale: 3,
  },
  {
    name: "half-space",
    title: "Four modes in the plane, r = 1 where x₁ + x₂/2 > 1, else 0, λ = 2",
    model: { id: "toy/gmm2d" },
    reward: { id: "toy/halfspace", options: { direction: [1, 0.5], threshold: 1 } },
    rewardScale: 2,
  },
  {
    name: "ring",
    title: "Four modes in the plane, r = −½ (|x − (1, ½)| − 2)², λ = 2",
    model: { id: "toy/gmm2d" },
    reward: { id: "toy/ring", options: { center: [1, 0.5], radius: 2, width: 1 } },
    rewardScale: 2,
  },
];

/**
 * The problem of a name.
 * @throws UsageError with the nearest name
 */
export function problemNamed(name: string): ComparisonProblem {
  const problem = comparisonProblems.find((each) => each.name === name);
  if (problem === undefined) {
    const names = comparisonProblems.map((each) => each.name);
    const nearest = nearestName(name, names);
    throw new UsageError(
      `There is no problem "${name}".${nearest === undefined ? "" : ` Did you mean "${nearest}"?`} Problems: ${names.join(", ")}.`,
    );
  }
  return problem;
}
