import { isErrorNamed } from "@diffusiongym/core";
import { CheckpointError, type FileStorage, type Method, run } from "@diffusiongym/methods";
import type { LearningPoint } from "../report/index.js";
import { type Io, Progress } from "../terminal/index.js";
import { Interruption } from "./interruption.js";

/** What to train. */
export interface TrainingOptions {
  readonly method: Method;
  readonly storage: FileStorage;
  /** Start anew, whatever the folder holds. */
  readonly fresh: boolean;
  readonly io: Io;
  /** How to continue, for the message after Ctrl-C. */
  readonly commandLine: string;
  /** The folder, as the user would type it. */
  readonly shownFolder: string;
}

/**
 * Trains to the end, from the checkpoint if there is one, with progress.
 * @returns seconds it took, 0 if it was complete before
 * @throws Interruption after Ctrl-C, when the checkpoint is written
 */
export async function trainWithProgress(options: TrainingOptions): Promise<number> {
  const { method, storage, fresh, io, commandLine, shownFolder } = options;
  const started = performance.now();
  let progress: Progress | undefined;
  try {
    for await (const { iteration, iterations, metrics } of run(method, {
      storage,
      resume: fresh ? "never" : "auto",
      signal: io.interrupted,
    })) {
      if (progress === undefined) {
        if (iteration > 1) {
          io.stderr.write(`continuing after iteration ${iteration - 1} from ${shownFolder} (--fresh starts anew)\n`);
        }
        progress = new Progress(io.stderr, { label: "training", total: iterations, start: iteration - 1, unit: "it" });
      }
      progress.update(iteration, `reward ${shown(metrics.reward)}  path KL ${shown(metrics.kl_path)}`);
    }
  } catch (error) {
    if (isErrorNamed(error, "AbortError")) {
      progress?.end();
      throw new Interruption(
        `Interrupted after ${method.iteration} of ${method.iterations} iterations. The checkpoint is in ${shownFolder}; continue with:\n  ${commandLine}`,
      );
    }
    if (isErrorNamed(error, "CheckpointError")) {
      throw new CheckpointError(
        `${error.message}\n--fresh starts anew in the same folder, --out DIR in another.`,
        shownFolder,
      );
    }
    throw error;
  } finally {
    progress?.end();
  }
  if (progress === undefined) {
    io.stderr.write(`the run in ${shownFolder} is complete: nothing to train (--fresh starts anew)\n`);
    return 0;
  }
  return (performance.now() - started) / 1000;
}

/** The learning curve that the run has written so far. */
export async function readLearningCurve(storage: FileStorage): Promise<LearningPoint[]> {
  const bytes = await storage.read("metrics.jsonl");
  const lines = new TextDecoder().decode(bytes ?? new Uint8Array()).split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { iteration: number; reward?: number; kl_path?: number })
    .map(({ iteration, reward, kl_path }) => ({ iteration, reward, klPath: kl_path }));
}

function shown(value: number | undefined): string {
  return value === undefined ? "?" : value.toFixed(3);
}
