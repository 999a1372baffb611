import type { DiffusionData } from "@diffusiongym/core";
import type { PolicyMethod, PolicyMethodOptions } from "../training/index.js";
import type { CatalogueEntry, MadeMethod, MethodParts } from "./entry.js";
import type { KnobValues } from "./knob.js";

/** Builds a method from its options. */
type Build = <D extends DiffusionData<D>, C extends object>(options: PolicyMethodOptions<D, C>) => PolicyMethod<D, C>;

/** The options that further networks go into, by what the knobs say. */
type Networks = (knobs: KnobValues) => readonly string[];

/**
 * An entry for a method that trains a policy.
 * @param build makes the method; the knobs are among its options
 * @param networks names of the options that hold further value networks
 */
export function trainedPolicy(
  entry: Omit<CatalogueEntry, "trains" | "make">,
  build: Build,
  networks: Networks = () => [],
): CatalogueEntry {
  return {
    ...entry,
    trains: "policy",
    async make<D extends DiffusionData<D>, C extends object>(
      parts: MethodParts<D, C>,
      knobs: KnobValues,
    ): Promise<MadeMethod<D, C>> {
      const { environment, seed } = parts;
      const policy = await parts.policy();
      const further: [string, unknown][] = [];
      for (const name of networks(knobs)) {
        further.push([name, await parts.value(name)]);
      }
      const method = build<D, C>({ ...knobs, ...Object.fromEntries(further), environment, policy, seed });
      return { method, adapted: { kind: "policy", policy: method.adapted } };
    },
  };
}
