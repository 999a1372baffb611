import { IncompatibleError } from "@diffusiongym/core";
import { nodeModules } from "#platform";

/** The modules of Node that are used here. */
export type NodeModules = NonNullable<typeof nodeModules>;

/**
 * Node's modules.
 * @param purpose what they are needed for, the subject of the message: "Running xtb"
 * @throws IncompatibleError in browsers
 */
export function requireNode(purpose: string): NodeModules {
  if (nodeModules === undefined) {
    throw new IncompatibleError(`${purpose} needs Node, because it runs a program; a browser cannot.`);
  }
  return nodeModules;
}
