import type { Io } from "../terminal/index.js";

/** One of the command's subcommands. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /**
   * Does it.
   * @param args what follows the name
   * @throws UsageError, Interruption, and whatever error a run ends with
   */
  run(args: readonly string[], io: Io): Promise<void>;
}
