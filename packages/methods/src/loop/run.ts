import { AbortError, ArgumentError, isErrorNamed, throwIfAborted } from "@diffusiongym/core";
import { type Method, type Metrics, requireOneOf } from "../method/index.js";
import type { Storage } from "../storage/index.js";
import { encodeCheckpoint, restoreCheckpoint } from "./checkpoint.js";
import { MetricsLog } from "./metrics-log.js";

const checkpointName = "checkpoint.safetensors";

/** Report of one iteration. */
export interface Report {
  /** Iterations done, from 1. */
  readonly iteration: number;
  /** Iterations of the whole run. */
  readonly iterations: number;
  readonly metrics: Metrics;
  /** True when a checkpoint was written after this iteration. */
  readonly checkpointed: boolean;
}

/** Options of `run` and `train`. */
export interface RunOptions {
  /** Where checkpoints and `metrics.jsonl` go. @default nowhere */
  readonly storage?: Storage;
  /** Iterations between checkpoints; one is always written at the end. @default 100 */
  readonly checkpointEvery?: number;
  /**
   * `"auto"` continues from the checkpoint in `storage` if there is one, `"never"` starts anew and replaces it.
   * @default "auto"
   */
  readonly resume?: "auto" | "never";
  /** Stops the run, within an iteration too; the last finished iteration is written as a checkpoint first. */
  readonly signal?: AbortSignal;
}

/**
 * Runs any method to its last iteration, yielding a report after each. With `storage` a run that was cut off at any
 * moment, continued by the same call, ends with the same bits as one that was not.
 *
 * @throws RequirementError before the first rollout, TrainingAbortedError when an abort rule strikes (the last checkpoint
 *   stays), CheckpointError for a checkpoint that is damaged or of another run, AbortError when the signal fires
 */
export async function* run(method: Method, options: RunOptions = {}): AsyncGenerator<Report, void, undefined> {
  const { storage, checkpointEvery = 100, resume = "auto", signal } = options;
  if (!Number.isSafeInteger(checkpointEvery) || checkpointEvery < 1) {
    throw new ArgumentError(
      `checkpointEvery must be a whole number >= 1, got ${checkpointEvery}.`,
      "checkpointEvery",
      checkpointEvery,
    );
  }
  requireOneOf("resume", resume, ["auto", "never"]);
  // A run that never starts must not replace what an earlier one left in the storage.
  throwIfAborted(signal, "Training");
  await method.validate();
  if (storage !== undefined && resume === "auto") {
    const bytes = await storage.read(checkpointName);
    if (bytes !== undefined) {
      restoreCheckpoint(method, bytes, `${storage.location}/${checkpointName}`);
    }
  }
  const save = async (): Promise<void> => storage?.write(checkpointName, encodeCheckpoint(method));
  if (resume === "never" && (await storage?.read(checkpointName)) !== undefined) {
    await save(); // or a run that is killed before its first checkpoint would be continued from an older run's
  }
  const log = storage && new MetricsLog(storage);
  await log?.begin(method.iteration);
  while (method.iteration < method.iterations) {
    if (signal?.aborted) {
      await save();
      throw new AbortError(
        `${method.name} was stopped after ${method.iteration} of ${method.iterations} iterations because its AbortSignal fired. ` +
          (storage ? `Run it again with ${storage.location} to continue.` : "Give a storage to be able to continue."),
        signal.reason,
      );
    }
    let metrics: Metrics;
    try {
      metrics = await method.iterate(signal);
    } catch (error) {
      if (isErrorNamed(error, "AbortError") && signal?.aborted) {
        continue;
      }
      throw error;
    }
    const { iteration, iterations } = method;
    await log?.write(iteration, metrics);
    const checkpointed = storage !== undefined && (iteration % checkpointEvery === 0 || iteration === iterations);
    if (checkpointed) {
      await save();
    }
    yield { iteration, iterations, metrics, checkpointed };
  }
}

/** Options of `train`. */
export interface TrainOptions extends RunOptions {
  /** Called after every iteration. */
  readonly onReport?: (report: Report) => void;
}

/**
 * Runs a method to its end. The same as `run`, for those who need no generator.
 * @returns the last report, or undefined when the checkpoint was already complete
 */
export async function train(method: Method, options: TrainOptions = {}): Promise<Report | undefined> {
  let last: Report | undefined;
  for await (const report of run(method, options)) {
    options.onReport?.(report);
    last = report;
  }
  return last;
}

/** One line for people: `iteration 120/1200  reward 2.21  kl_path 1.02  loss 0.071  grad_norm 0.4`. */
export function progressLine({ iteration, iterations, metrics }: Report): string {
  const shown = ["reward", "kl_path", "loss", "grad_norm"].filter((name) => metrics[name] !== undefined);
  const numbers = shown.map((name) => `${name} ${metrics[name]!.toPrecision(3)}`);
  return [`iteration ${iteration}/${iterations}`, ...numbers].join("  ");
}
