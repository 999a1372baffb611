import { didYouMean, TimeGridError } from "../errors/index.js";
import { linspaceFloat32 } from "./linspace.js";

/** A named grid, or times of one's own. */
export type TimeGridChoice = "interior" | "reference" | ArrayLike<number>;

const REFERENCE_START = 0.02;
/** More steps than this would give neighbouring times that are the same 32-bit float. */
const MAX_STEPS = 2 ** 22;

/**
 * The times t_0 < ... < t_N = 1 of a rollout of N steps.
 *
 * - `"interior"`: t_k = (k + 1) / (N + 1). Its first step equals its first time, which is what the singular start of a
 *   memoryless process wants: second-order accurate in practice at every N.
 * - `"reference"`: N + 1 evenly spaced 32-bit floats from 0.02 to 1, as PyTorch's linspace gives them; good near 50 steps.
 * - an array: strictly increasing (as 32-bit floats, in which models receive them), first time >= 0, last exactly 1.
 *
 * @param choice a name or the times
 * @param steps N; with an array, omitted or one less than its length
 * @throws TimeGridError for anything else
 */
export function timeGrid(choice: TimeGridChoice, steps?: number): Float64Array {
  if (typeof choice !== "string") {
    return customGrid(choice, steps);
  }
  if (choice !== "interior" && choice !== "reference") {
    throw new TimeGridError(
      `Unknown time grid "${String(choice)}"${didYouMean(choice, ["interior", "reference"])} ` +
        `Known are "interior" and "reference", or give an array of times that ends at 1.`,
      [],
    );
  }
  if (steps === undefined || !Number.isInteger(steps) || steps < 1 || steps > MAX_STEPS) {
    throw new TimeGridError(
      `A time grid needs a whole number of steps from 1 to ${MAX_STEPS}, got ${String(steps)}.`,
      [],
    );
  }
  return choice === "interior"
    ? Float64Array.from({ length: steps + 1 }, (_, k) => (k + 1) / (steps + 1))
    : linspaceFloat32(REFERENCE_START, 1, steps + 1);
}

function customGrid(given: ArrayLike<number>, steps: number | undefined): Float64Array {
  const times = Float64Array.from(given);
  const refuse = (reason: string): never => {
    throw new TimeGridError(`Custom time grid: ${reason}.`, Array.from(times));
  };
  if (times.length < 2) {
    refuse(`at least two times are needed, got ${times.length}`);
  }
  if (steps !== undefined && steps !== times.length - 1) {
    refuse(`${times.length} times make ${times.length - 1} steps, but steps is ${steps}; leave steps out`);
  }
  if (!(times[0]! >= 0)) {
    refuse(`the first time must be >= 0, got ${times[0]}`);
  }
  for (let k = 1; k < times.length; k++) {
    if (!(Math.fround(times[k]!) > Math.fround(times[k - 1]!))) {
      refuse(`times must increase strictly as 32-bit floats; t_${k} is ${times[k]} after ${times[k - 1]}`);
    }
  }
  if (times[times.length - 1] !== 1) {
    refuse(`the last time must be exactly 1, got ${times[times.length - 1]}`);
  }
  return times;
}
