import { constructEnv, OptimalTransport } from "@diffusiongym/core";
import { ExactTilt, GaussianMixture, GaussianMixtureModel, LinearReward } from "@diffusiongym/toy";
import type { Problem } from "../support/problems.js";

const dimension = 16;

/**
 * H16 of METHODS 6.5: four modes (+-2, +-2, 0, ...) in 16 dimensions, r = x_1 / 2 + 8 times the projection onto the diagonal of the
 * other 14. The base model's samples have an effective share of 2.4e-4.
 */
export function h16(steps: number): Problem {
  const mixture = GaussianMixture.from({
    means: [
      [-2, -2],
      [-2, 2],
      [2, -2],
      [2, 2],
    ].map((corner) => [...corner, ...new Array<number>(dimension - 2).fill(0)]),
    standardDeviations: 0.35,
  });
  const direction = Array.from({ length: dimension }, (_, i) => (i === 0 ? 0.5 : i === 1 ? 0 : 8 / Math.sqrt(14)));
  const reward = new LinearReward({ direction });
  const baseModel = new GaussianMixtureModel({ mixture, scheduler: new OptimalTransport(), outputType: "velocity" });
  return {
    environment: constructEnv(baseModel, reward, { steps }),
    tilt: new ExactTilt({ mixture, reward, rewardScale: 1 }),
  };
}

/** Mean and deviation of the projection onto the diagonal of coordinates 3 to 16; exact .98 and .35. */
export function projection(points: Float32Array): { mean: number; std: number } {
  const values = Float64Array.from({ length: points.length / dimension }, (_, i) => {
    let sum = 0;
    for (let a = 2; a < dimension; a++) {
      sum += points[i * dimension + a]!;
    }
    return sum / Math.sqrt(dimension - 2);
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
}
