import { nearestName } from "@diffusiongym/core";
import { type CatalogueEntry, type KnobValues, methodCatalogue, residualScales } from "@diffusiongym/methods";
import { choice, integer, knobOptions, knobsGiven, type Options, UsageError } from "../arguments/index.js";
import { trainableKinds } from "./networks.js";

/** The method when none is named. */
export const defaultMethod = "value-matching";

/** Where the command starts from other values than the library: what suits the toys. */
const ownDefaults: { readonly [method: string]: KnobValues } = {
  "value-matching": { iterations: 800, batchSize: 256, learningRate: 3e-3 },
};

/** Options of the networks that are trained. */
export const networkOptions = {
  width: integer(
    undefined,
    { least: 1 },
    { description: "Width of the networks", shownDefault: "64, or what suits the modality" },
  ),
  depth: integer(
    undefined,
    { least: 1 },
    { description: "Hidden layers of the networks", shownDefault: "3, or what suits the modality" },
  ),
  threads: integer(1, { least: 1, most: 256 }, { description: "Threads of a network; more pay for wide ones only" }),
};

/** Options of the policy that is trained. */
export const policyOptions = {
  trainable: choice(
    trainableKinds,
    "auto",
    "What is trained: a copy of a network, adapters on it, or a network added to any model",
  ),
  "lora-rank": integer(8, { least: 1 }, { description: "Rank of the adapters" }),
  "residual-scale": choice(residualScales, "one", "What the added network is multiplied with"),
};

/**
 * The method of a name, with the command's own defaults.
 * @throws UsageError with the nearest name
 */
export function methodNamed(name: string): CatalogueEntry {
  const entry = methodCatalogue.find((each) => each.name === name);
  if (entry === undefined) {
    const names = methodCatalogue.map((each) => each.name);
    const nearest = nearestName(name, names);
    throw new UsageError(
      `There is no method "${name}".${nearest === undefined ? "" : ` Did you mean "${nearest}"?`} Methods: ${names.join(", ")}.`,
    );
  }
  const own = ownDefaults[name] ?? {};
  const knobs = Object.entries(entry.knobs).map(
    ([knob, definition]) => [knob, { ...definition, ...(knob in own && { default: own[knob]! }) }] as const,
  );
  return { ...entry, knobs: Object.fromEntries(knobs) };
}

/** The options that a method adds to `adapt`. */
export function methodOptions({ trains, knobs }: CatalogueEntry): Options {
  return {
    ...knobOptions(knobs),
    ...(trains === "policy" && policyOptions),
    ...(trains !== "nothing" && networkOptions),
  };
}

/** Values of a method's knobs as they were typed, on top of the command's own defaults. */
export function methodKnobs(
  { name, knobs }: CatalogueEntry,
  values: { readonly [option: string]: unknown },
): KnobValues {
  return { ...ownDefaults[name], ...knobsGiven(knobs, values) };
}
