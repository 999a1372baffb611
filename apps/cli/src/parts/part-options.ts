import { listBaseModels, listRewards, nearestName, type RegisteredPart } from "@diffusiongym/core";
import { type HelpSection, type PartOptions, UsageError } from "../arguments/index.js";

/** Which of an environment's two parts. */
export type PartKind = "model" | "reward";

/** The registered part with an id, if there is one. */
export function findPart(kind: PartKind, id: string): RegisteredPart | undefined {
  return (kind === "model" ? listBaseModels() : listRewards()).find((part) => part.id === id);
}

/**
 * Refuses options that the part does not have. A part that describes none of its options may have any.
 * @throws UsageError naming the nearest option and all there are
 */
export function checkPartOptions(kind: PartKind, id: string, given: PartOptions): void {
  const known = findPart(kind, id)?.options;
  for (const name of known === undefined ? [] : Object.keys(given)) {
    if (!Object.hasOwn(known!, name)) {
      const nearest = nearestName(name, Object.keys(known!));
      throw new UsageError(
        `${id} has no option "${name}".${nearest === undefined ? "" : ` Did you mean --${kind}.${nearest}?`} ` +
          `It has: ${Object.keys(known!).join(", ") || "none"}.`,
      );
    }
  }
}

/** The options of a part for a help text. */
export function partSection(kind: PartKind, id: string): HelpSection {
  return {
    title: `Options of ${id} (VALUE is JSON, or text)`,
    rows: Object.entries(findPart(kind, id)?.options ?? {}).map(([name, meaning]) => [
      `--${kind}.${name} VALUE`,
      meaning,
    ]),
  };
}
