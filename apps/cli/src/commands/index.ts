import { adaptCommand } from "./adapt.js";
import type { Command } from "./command.js";
import { compareCommand } from "./compare.js";
import { listCommand } from "./list.js";
import { methodsCommand } from "./methods.js";
import { sampleCommand } from "./sample.js";

export type { Command } from "./command.js";
export { Interruption } from "./interruption.js";
export { ownVersion } from "./versions.js";

/** All subcommands, in the order in which the help shows them. */
export const commands: readonly Command[] = [listCommand, methodsCommand, sampleCommand, adaptCommand, compareCommand];
