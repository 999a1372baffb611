import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AbortError, DiffusionGymError } from "@diffusiongym/core";
import type { Job, JobResult } from "./job.js";
import type { Answer } from "./serve.js";
import { doJob, type NetworkBuilders } from "./train-one.js";

/** Does a job somewhere. */
export type Runner = (job: Job, signal: AbortSignal) => Promise<JobResult>;

/** A child process ended without an answer, or could not do its job. */
export class ComparisonRunError extends DiffusionGymError {
  override readonly name = "ComparisonRunError";
  constructor(
    message: string,
    readonly method: string,
    readonly problem: string,
  ) {
    super(message);
  }
}

/**
 * Does every job in a process of its own, so that one cannot make another slower or larger.
 * @param script a module that calls `serveOneJob`
 */
export const inChildProcess =
  (script: URL): Runner =>
  (job, signal) =>
    new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(script), { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] });
      const fail = (why: string): void =>
        reject(new ComparisonRunError(`${job.method} on ${job.problem.name}: ${why}`, job.method, job.problem.name));
      const stop = (): void => {
        child.kill();
        reject(new AbortError("The comparison was stopped because its AbortSignal fired.", signal.reason));
      };
      signal.addEventListener("abort", stop, { once: true });
      child.once("message", (answer: Answer) => ("error" in answer ? fail(answer.error) : resolve(answer.result)));
      child.once("error", (error) => fail(error.message));
      child.once("exit", (code, killed) => {
        signal.removeEventListener("abort", stop);
        fail(
          killed === null
            ? `the process ended with code ${code} and no answer.`
            : `the process was ended by ${killed}.`,
        );
      });
      if (signal.aborted) {
        stop();
      } else {
        child.send(job);
      }
    });

/** Does every job in this process: for tests. Peak memory is then that of all runs. */
export const inThisProcess =
  (builders: NetworkBuilders): Runner =>
  (job, signal) =>
    doJob(job, builders, signal);
