import { ArgumentError, didYouMean } from "@diffusiongym/core";
import type { ConstantTensor } from "../ir/index.js";

/**
 * Which stored tensors are trained: `"all"` float32 initializers, `"none"`, those whose names match a pattern (`*` stands for
 * any characters, as in `"head.*"`) or a regular expression, or a list of these; or a function that chooses.
 */
export type Trainable =
  | string
  | RegExp
  | readonly (string | RegExp)[]
  | ((name: string, tensor: ConstantTensor) => boolean);

/**
 * The names that are trained, in the order of the file.
 * @param initializers that the file stores
 * @throws ArgumentError for a pattern that no float32 initializer matches, with the nearest name
 */
export function chooseTrainable(trainable: Trainable, initializers: ReadonlyMap<string, ConstantTensor>): string[] {
  const floats = [...initializers.keys()].filter((name) => initializers.get(name)!.type === "float32");
  if (trainable === "all" || trainable === "none") {
    return trainable === "all" ? floats : [];
  }
  if (typeof trainable === "function") {
    return floats.filter((name) => trainable(name, initializers.get(name)!));
  }
  const patterns = typeof trainable === "string" || trainable instanceof RegExp ? [trainable] : trainable;
  const tests = patterns.map((pattern) => {
    const matches = matcher(pattern);
    if (!floats.some(matches)) {
      throw new ArgumentError(nothingMatches(pattern, matches, floats, initializers), "trainable", pattern);
    }
    return matches;
  });
  return floats.filter((name) => tests.some((matches) => matches(name)));
}

function matcher(pattern: string | RegExp): (name: string) => boolean {
  if (pattern instanceof RegExp) {
    // A pattern with the flag g or y would remember where it stopped.
    const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
    return (name) => stateless.test(name);
  }
  const source = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const whole = new RegExp(`^${source.join(".*")}$`, "s");
  return (name) => whole.test(name);
}

function nothingMatches(
  pattern: string | RegExp,
  matches: (name: string) => boolean,
  floats: readonly string[],
  initializers: ReadonlyMap<string, ConstantTensor>,
): string {
  const others = [...initializers.keys()].filter(matches);
  if (others.length > 0) {
    const type = initializers.get(others[0]!)!.type;
    return `parseOnnx: trainable ${quoted(pattern)} matches "${others[0]}" of the element type ${type}; only float32 is trained.`;
  }
  const plain = pattern instanceof RegExp ? pattern.source : pattern.replaceAll("*", "");
  return `parseOnnx: trainable ${quoted(pattern)} matches none of the ${floats.length} float32 tensors that the file stores${didYouMean(plain, floats)}`;
}

const quoted = (pattern: string | RegExp): string => (pattern instanceof RegExp ? String(pattern) : `"${pattern}"`);
