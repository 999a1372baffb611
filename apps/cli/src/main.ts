import { DiffusionGymError, isErrorNamed, nearestName } from "@diffusiongym/core";
import { renderHelp, UsageError } from "./arguments/index.js";
import { commands, ownVersion } from "./commands/index.js";
import { columnsOf, exitCodeRows, exitCodes, type Io, processIo } from "./terminal/index.js";

/**
 * The command `diffusiongym`, as a function.
 * @param args what follows the command's name: `["adapt", "toy/gmm2d", "toy/linear"]`
 * @param io where it reads from and writes to @default the process, whose Ctrl-C stops the command while it runs
 * @returns the exit code: 0 done, 1 a run failed, 2 bad usage, 130 interrupted. Errors are written to stderr, not thrown
 */
export async function main(args: readonly string[], io?: Io): Promise<number> {
  if (io !== undefined) {
    return run(args, io);
  }
  const own = processIo();
  try {
    return await run(args, own.io);
  } finally {
    own.release();
  }
}

async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    await dispatch(args, io);
    return exitCodes.ok;
  } catch (error) {
    io.stderr.write(`${messageOf(error, wantsStack(args, io))}\n`);
    if (isErrorNamed(error, "UsageError")) {
      return exitCodes.badUsage;
    }
    return isErrorNamed(error, "Interruption") ? exitCodes.interrupted : exitCodes.failed;
  }
}

async function dispatch(args: readonly string[], io: Io): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const [topic] = rest;
    const command = commands.find((each) => each.name === topic);
    await (command === undefined ? io.stdout.write(help(io)) : command.run(["--help"], io));
    return;
  }
  if (name === "--version" || name === "-v") {
    io.stdout.write(`${ownVersion()}\n`);
    return;
  }
  const command = commands.find((each) => each.name === name);
  if (command === undefined) {
    const names = commands.map((each) => each.name);
    const nearest = nearestName(name, names);
    throw new UsageError(
      `There is no command "${name}".${nearest === undefined ? "" : ` Did you mean "${nearest}"?`} Commands: ${names.join(", ")}.`,
    );
  }
  try {
    await command.run(rest, io);
  } catch (error) {
    if (error instanceof UsageError) {
      throw new UsageError(`${error.message}\nSee: diffusiongym ${command.name} --help`);
    }
    throw error;
  }
}

function wantsStack(args: readonly string[], { environment }: Io): boolean {
  return args.includes("--debug") || Boolean(environment.DEBUG);
}

function messageOf(error: unknown, withStack: boolean): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  if (withStack) {
    return error.stack ?? String(error);
  }
  return DiffusionGymError.isInstance(error)
    ? error.message
    : `${error.message}\nThis error was not foreseen; --debug shows where it arose.`;
}

function help(io: Io): string {
  return renderHelp(
    {
      usage: "diffusiongym COMMAND [options]",
      summary: "Adapts flow and diffusion models to a reward.",
      sections: [
        { title: "Commands", rows: commands.map(({ name, summary }) => [name, summary]) },
        {
          title: "Options",
          rows: [
            ["-h, --help", "Show this help; after a command, the help of that command"],
            ["-v, --version", "Show the version"],
          ],
        },
        { title: "Exit codes", rows: exitCodeRows },
      ],
      examples: ["diffusiongym list", "diffusiongym adapt toy/gmm2d toy/linear"],
    },
    columnsOf(io.stdout),
  );
}
