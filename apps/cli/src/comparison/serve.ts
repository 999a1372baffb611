import type { Job, JobResult } from "./job.js";
import { doJob, type NetworkBuilders } from "./train-one.js";

/** What a child process answers. */
export type Answer = { readonly result: JobResult } | { readonly error: string };

/** The life of a child process: its parent sends one job, it answers, and ends. It ends with its parent, too. */
export function serveOneJob(builders: NetworkBuilders): void {
  const answer = (message: Answer): void => {
    process.send!(message, () => process.exit(0));
  };
  process.once("message", (job: Job) => {
    doJob(job, builders).then(
      (result) => answer({ result }),
      (error: unknown) => answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.once("disconnect", () => process.exit(1));
}
