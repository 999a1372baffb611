import { describe, expect, it } from "vitest";
import { TimeBins } from "../../src/value-matching/time-bins.js";

describe("TimeBins", () => {
  it("gives the spread of the targets and the explained share in each quarter, over valid rollouts", () => {
    const bins = new TimeBins();
    const valids = Uint8Array.of(1, 1, 1, 0);
    bins.add({ time: 0.1, targets: Float32Array.of(1, 2, 3, 99), values: Float32Array.of(1, 2, 3, 0), valids });
    bins.add({ time: 0.2, targets: Float32Array.of(5, 6, 7, 99), values: Float32Array.of(6, 6, 6, 0), valids });
    bins.add({ time: 1, targets: Float32Array.of(4, 4, 4, 99), values: Float32Array.of(4, 4, 4, 0), valids });
    const metrics = bins.metrics();
    expect(Object.keys(metrics).sort()).toEqual(["target_std_q1", "target_std_q4", "value_r2_q1"]);
    expect(metrics.target_std_q1).toBeCloseTo(Math.sqrt(4 / 6), 12);
    expect(metrics.value_r2_q1).toBeCloseTo(0.5, 12);
    expect(metrics.target_std_q4).toBe(0);
  });

  it("says nothing of the fit when the value function does not give its values", () => {
    const bins = new TimeBins();
    bins.add({ time: 0.6, targets: Float32Array.of(0, 2), values: undefined, valids: Uint8Array.of(1, 1) });
    expect(bins.metrics()).toEqual({ target_std_q3: 1 });
  });
});
