import type { ChildProcess } from "node:child_process";
import type { NodeModules } from "../platform/index.js";

/** A program to be run. */
export interface ProgramRun {
  readonly program: string;
  /** Handed over as they are: no shell reads them. */
  readonly args: readonly string[];
  /** Working directory. */
  readonly folder: string;
  /** Milliseconds after which it is killed. */
  readonly timeoutMs: number;
  /** Kills it when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** How a program ended. */
export interface ProgramEnd {
  /** What it printed on standard output. */
  readonly output: string;
  /** Why it does not count: killed, failed, or not started. */
  readonly failure?: string;
}

/** What one run may print; Hessians of the largest molecules print a tenth of it. */
const mostOutputBytes = 32 * 1024 * 1024;
/** How long to wait for the rest of the output of a program that has ended, if it left children that hold on to it. */
const restMs = 1000;

const running = new Set<ChildProcess>();
let watching = false;

/** Runs a program to its end, or kills it; never throws. */
export function runProgram({ childProcess }: NodeModules, run: ProgramRun): Promise<ProgramEnd> {
  killAtExit();
  return new Promise((resolve) => {
    let output = "";
    let bytes = 0;
    let failure: string | undefined;
    const child = childProcess.spawn(run.program, run.args, {
      cwd: run.folder,
      shell: false,
      stdio: ["ignore", "pipe", "ignore"],
      // Two threads are slower than one, and there is a process a core.
      env: { ...process.env, OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
    });
    running.add(child);
    const kill = (reason: string): void => {
      failure ??= reason;
      child.kill("SIGKILL");
    };
    const onAbort = (): void => kill("it was stopped because the AbortSignal fired");
    const timer = setTimeout(() => kill(`it took longer than ${run.timeoutMs} ms`), run.timeoutMs);
    run.signal?.addEventListener("abort", onAbort, { once: true });
    const finish = (): void => {
      running.delete(child);
      clearTimeout(timer);
      run.signal?.removeEventListener("abort", onAbort);
      child.stdout?.destroy();
      resolve(failure === undefined ? { output } : { output, failure });
    };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      bytes += text.length;
      output = bytes <= mostOutputBytes ? output + text : output;
      if (bytes > mostOutputBytes) {
        kill(`it printed more than ${mostOutputBytes} characters`);
      }
    });
    child.once("error", (error) => {
      failure ??= `it could not be started (${error.message})`;
      finish();
    });
    child.once("exit", (code, signal) => {
      if (code !== 0) {
        failure ??= code === null ? `it was ended by ${signal}` : `it ended with exit code ${code}`;
      }
      const rest = setTimeout(finish, restMs);
      child.once("close", () => {
        clearTimeout(rest);
        finish();
      });
    });
    if (run.signal?.aborted) {
      onAbort();
    }
  });
}

/** Programs end with this process, as far as it has a say in its end. */
function killAtExit(): void {
  if (watching) {
    return;
  }
  watching = true;
  process.on("exit", () => {
    for (const child of running) {
      child.kill("SIGKILL");
    }
  });
}
