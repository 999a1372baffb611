/** A place to write text to: a terminal, a pipe, a test's array. */
export interface TextStream {
  write(text: string): unknown;
  /** True for a terminal. */
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal in letters. */
  readonly columns?: number | undefined;
}

/** What the command uses of the process around it. */
export interface Io {
  /** For results. */
  readonly stdout: TextStream;
  /** For progress, messages and errors. */
  readonly stderr: TextStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The current folder, from which relative paths are meant. */
  readonly folder: string;
  /** Fires when the user presses Ctrl-C. */
  readonly interrupted: AbortSignal;
}

/** Exit codes of the command. */
export const exitCodes = { ok: 0, failed: 1, badUsage: 2, interrupted: 130 } as const;

/** What the help says of them. */
export const exitCodeRows: readonly (readonly [string, string])[] = [
  ["0", "everything was done"],
  ["1", "a run failed; the message says why and what to do"],
  ["2", "the command line cannot be understood; nothing was started"],
  ["130", "interrupted by Ctrl-C; what was finished is kept"],
];

/**
 * The real process. The first Ctrl-C asks the command to stop, a second one ends it at once.
 * @returns what the command uses, and what gives Ctrl-C back to the program around it
 */
export function processIo(): { readonly io: Io; release(): void } {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      process.exit(exitCodes.interrupted);
    }
    controller.abort(signal);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    io: {
      stdout: process.stdout,
      stderr: process.stderr,
      environment: process.env,
      folder: process.cwd(),
      interrupted: controller.signal,
    },
    release() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}

/** A reader of our output that goes away, as `head` does, is no error. For the process's whole life: such errors come late. */
export function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") {
        throw error;
      }
    });
  }
}

/** Columns that text may take. */
export function columnsOf({ columns }: TextStream): number {
  return Math.min(columns ?? 88, 100);
}
