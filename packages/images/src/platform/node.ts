import { IncompatibleError } from "@diffusiongym/core";
import { nodeModules } from "#platform";

/** The modules of Node that are used here. */
export type NodeModules = NonNullable<typeof nodeModules>;

/**
 * Node's modules.
 * @param purpose what they are needed for, the subject of the message: "Loading a model"
 * @throws IncompatibleError in browsers
 */
export function requireNode(purpose: string): NodeModules {
  if (nodeModules === undefined) {
    throw new IncompatibleError(`${purpose} needs Node, because it works with files on disk; a browser has none.`);
  }
  return nodeModules;
}
