import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { correlatedBoxProbability, logNormalInterval, type Numbers, panelEdges, panelRule } from "../numeric/index.js";
import type { GaussianMixture } from "./gaussian-mixture.js";

/** An axis-parallel box; sides may be infinite. */
export interface Box {
  /** `[d]`. */
  readonly lower: Numbers;
  /** `[d]`. */
  readonly upper: Numbers;
}

const reach = 9;

/**
 * Mass that a mixture puts on a box: a closed form for diagonal covariances, quadrature (1e-13) for full ones in 2-D.
 * @throws ArgumentError for full covariances in more than two dimensions
 */
export function boxMass(mixture: GaussianMixture, box: Box): number {
  const d = mixture.dimension;
  if (box.lower.length !== d || box.upper.length !== d) {
    throw new ShapeError(
      `boxMass: the box needs ${d} lower and upper bounds, got ${box.lower.length} and ${box.upper.length}.`,
      [d],
      [box.lower.length],
    );
  }
  let mass = 0;
  for (let k = 0; k < mixture.components; k++) {
    mass += mixture.weights[k]! * componentBoxMass(mixture, k, box);
  }
  return mass;
}

function componentBoxMass(mixture: GaussianMixture, k: number, box: Box): number {
  const d = mixture.dimension;
  const mean = mixture.means.subarray(k * d, (k + 1) * d);
  if (mixture.axes === undefined || d === 1) {
    let logMass = 0;
    for (let i = 0; i < d; i++) {
      const deviation = Math.sqrt(mixture.variances[k * d + i]!);
      logMass += logNormalInterval((box.lower[i]! - mean[i]!) / deviation, (box.upper[i]! - mean[i]!) / deviation);
    }
    return Math.exp(logMass);
  }
  if (d > 2) {
    throw new ArgumentError(
      `boxMass: the mass of a box has no closed form for full covariances in ${d} dimensions; use diagonal ones, or count samples.`,
      "mixture",
    );
  }
  return correlatedBoxProbability(mean, mixture.covarianceOf(k), box, new Float64Array(2));
}

/**
 * Exact mass of each nearest-centre cell (Voronoi cell), in one or two dimensions: what the fraction of samples nearest
 * to each centre converges to. Not the same as the component weights where a component's tail crosses a border.
 *
 * @param centres cell centres, `[m, d]`, pairwise different
 * @returns masses, `[m]`, summing to 1
 * @throws ArgumentError in more than two dimensions, where counting exact samples is the way
 */
export function cellMasses(mixture: GaussianMixture, centres: Numbers): Float64Array {
  const d = mixture.dimension;
  const count = centres.length / d;
  if (!Number.isInteger(count) || count === 0) {
    throw new ShapeError(
      `cellMasses: ${centres.length} numbers are not centres in ${d} dimension(s).`,
      [-1, d],
      [centres.length],
    );
  }
  if (d > 2) {
    throw new ArgumentError(
      `cellMasses: exact for one and two dimensions, this mixture has ${d}. Count exact samples with modeWeights instead.`,
      "mixture",
    );
  }
  const masses = new Float64Array(count);
  const breaks = d === 1 ? [] : kinks(centres);
  for (let k = 0; k < mixture.components; k++) {
    if (d === 1) {
      const deviation = Math.sqrt(mixture.variances[k]!);
      for (let j = 0; j < count; j++) {
        const [lower, upper] = cellInterval1d(centres, j);
        const mean = mixture.means[k]!;
        masses[j]! +=
          mixture.weights[k]! * Math.exp(logNormalInterval((lower - mean) / deviation, (upper - mean) / deviation));
      }
    } else {
      addPlanarMasses(mixture, k, centres, breaks, masses);
    }
  }
  return masses;
}

/** Borders of cell j on the line. */
export function cellInterval1d(centres: Numbers, j: number): [number, number] {
  let lower = Number.NEGATIVE_INFINITY;
  let upper = Number.POSITIVE_INFINITY;
  for (let other = 0; other < centres.length; other++) {
    const border = (centres[other]! + centres[j]!) / 2;
    if (centres[other]! < centres[j]!) {
      lower = Math.max(lower, border);
    } else if (centres[other]! > centres[j]!) {
      upper = Math.min(upper, border);
    }
  }
  return [lower, upper];
}

/** Integrates over the first coordinate; given it, a cell is an interval of the second, whose law is normal. */
function addPlanarMasses(
  mixture: GaussianMixture,
  k: number,
  centres: Numbers,
  breaks: readonly number[],
  masses: Float64Array,
): void {
  const [a, b, , c] = mixture.covarianceOf(k) as unknown as [number, number, number, number];
  const [mean0, mean1] = [mixture.means[2 * k]!, mixture.means[2 * k + 1]!];
  const deviation = Math.sqrt(a);
  const slope = b / a;
  const conditionalDeviation = Math.sqrt(c - slope * b);
  const longest = Math.min(deviation, conditionalDeviation / Math.max(1, Math.abs(slope))) / 2;
  const rule = panelRule(panelEdges(mean0 - reach * deviation, mean0 + reach * deviation, longest, breaks), 12);
  for (let q = 0; q < rule.nodes.length; q++) {
    const x = rule.nodes[q]!;
    const standard = (x - mean0) / deviation;
    const density =
      (mixture.weights[k]! * rule.weights[q]! * Math.exp(-0.5 * standard * standard)) /
      (deviation * Math.sqrt(2 * Math.PI));
    const shift = mean1 + slope * (x - mean0);
    for (let j = 0; j < masses.length; j++) {
      const [lower, upper] = cellSection(centres, j, x);
      const inside = logNormalInterval((lower - shift) / conditionalDeviation, (upper - shift) / conditionalDeviation);
      masses[j]! += density * Math.exp(inside);
    }
  }
}

/** The interval of second coordinates that belong to cell j at a first coordinate; empty as [0, 0]. */
function cellSection(centres: Numbers, j: number, x: number): [number, number] {
  let lower = Number.NEGATIVE_INFINITY;
  let upper = Number.POSITIVE_INFINITY;
  for (let other = 0; other < centres.length / 2; other++) {
    if (other === j) {
      continue;
    }
    // nearer to j than to other: 2 (c_other - c_j) . p <= |c_other|^2 - |c_j|^2
    const line = bisector(centres, j, other);
    const right = line.right - line.normal0 * x;
    if (line.normal1 > 0) {
      upper = Math.min(upper, right / line.normal1);
    } else if (line.normal1 < 0) {
      lower = Math.max(lower, right / line.normal1);
    } else if (right < 0) {
      return [0, 0];
    }
  }
  return upper > lower ? [lower, upper] : [0, 0];
}

interface Line {
  readonly normal0: number;
  readonly normal1: number;
  readonly right: number;
}

function bisector(centres: Numbers, j: number, other: number): Line {
  const [x0, y0, x1, y1] = [centres[2 * j]!, centres[2 * j + 1]!, centres[2 * other]!, centres[2 * other + 1]!];
  return { normal0: 2 * (x1 - x0), normal1: 2 * (y1 - y0), right: x1 * x1 + y1 * y1 - x0 * x0 - y0 * y0 };
}

/** First coordinates where a section changes its form: vertical borders, and crossings of two borders. */
function kinks(centres: Numbers): number[] {
  const lines: Line[] = [];
  for (let j = 0; j < centres.length / 2; j++) {
    for (let other = 0; other < j; other++) {
      lines.push(bisector(centres, j, other));
    }
  }
  const found = new Set<number>();
  lines.forEach((first, i) => {
    if (first.normal1 === 0) {
      found.add(first.right / first.normal0);
    }
    for (const second of lines.slice(i + 1)) {
      const determinant = first.normal0 * second.normal1 - second.normal0 * first.normal1;
      if (determinant !== 0) {
        found.add((first.right * second.normal1 - second.right * first.normal1) / determinant);
      }
    }
  });
  return [...found];
}
