import type { DiffusionData } from "../data/index.js";
import { DiffusionGymError } from "../errors/index.js";

/** A part that breaks the contract: every failed check, with its likely cause. */
export class ConformanceError extends DiffusionGymError {
  override readonly name = "ConformanceError";
  constructor(
    /** What was checked. */
    readonly subject: string,
    /** One sentence a failure. */
    readonly failures: readonly string[],
  ) {
    super(`${subject} fails ${failures.length} check${failures.length === 1 ? "" : "s"}:\n- ${failures.join("\n- ")}`);
  }
}

/** Collects failures, so that an author sees them all at once. */
export class Checklist {
  private readonly failures: string[] = [];
  private passed = 0;

  constructor(private readonly subject: string) {}

  /** Runs one check; an exception is a failure too. */
  async check(failure: string, test: () => boolean | Promise<boolean>): Promise<void> {
    try {
      if (await test()) {
        this.passed++;
      } else {
        this.failures.push(failure);
      }
    } catch (error) {
      this.failures.push(`${failure} It threw: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /**
   * Runs what later checks need; an exception is a failure that ends them.
   * @throws ConformanceError with all failures so far when `action` throws
   */
  async need<T>(failure: string, action: () => T | Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      this.failures.push(`${failure} It threw: ${error instanceof Error ? error.message : String(error)}`);
      throw new ConformanceError(this.subject, this.failures);
    }
  }

  /** Checks that something throws. */
  async throws(failure: string, action: () => unknown): Promise<void> {
    try {
      await action();
    } catch {
      this.passed++;
      return;
    }
    this.failures.push(failure);
  }

  /**
   * @returns the number of checks that passed
   * @throws ConformanceError when one failed
   */
  finish(): number {
    if (this.failures.length > 0) {
      throw new ConformanceError(this.subject, this.failures);
    }
    return this.passed;
  }
}

/** True when two batches have the same structure and, bit for bit, the same numbers. */
export function sameBits<D extends DiffusionData<D>>(a: D, b: D): boolean {
  return distance(a, b) === 0;
}

/** Largest absolute difference of entries, relative to the larger magnitude where that exceeds 1; Infinity when structures differ. */
export function distance<D extends DiffusionData<D>>(a: D, b: D): number {
  const left = a.tensors();
  const right = b.tensors();
  if (a.length !== b.length || left.length !== right.length) {
    return Number.POSITIVE_INFINITY;
  }
  let largest = 0;
  for (const [k, tensor] of left.entries()) {
    const other = right[k]!;
    if (tensor.shape.join() !== other.shape.join()) {
      return Number.POSITIVE_INFINITY;
    }
    largest = Math.max(largest, arrayDistance(tensor.data, other.data));
  }
  return largest;
}

/** As `distance`, for arrays; two NaN are equal. */
export function arrayDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    return Number.POSITIVE_INFINITY;
  }
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (!Object.is(x, y) && x !== y) {
      const difference = Math.abs(x - y) / Math.max(1, Math.abs(x), Math.abs(y));
      largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
    }
  }
  return largest;
}
