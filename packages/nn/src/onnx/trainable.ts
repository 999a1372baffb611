import { ArgumentError, nearestName } from "@diffusiongym/core";
import { type ConstantTensor, consumers, type Graph, type Node } from "../ir/index.js";
import { findOp } from "../ops/index.js";
import { generatedName } from "./torch-names.js";

/**
 * Which stored tensors are trained: `"all"`, `"none"`, those whose names match a pattern (`*` stands for any characters, as in
 * `"head.*"`) or a regular expression, or a list of these; or a function that chooses. Only `float32` tensors are trained, and
 * none that an operator reads as lengths or factors of shapes. `"all"` leaves out what an exporter made up: scalars such as
 * the 0.7071 of a GELU, and the ones and zeros of a norm whose weights come behind it.
 */
export type Trainable =
  | string
  | RegExp
  | readonly (string | RegExp)[]
  | ((name: string, tensor: ConstantTensor) => boolean);

/**
 * The names that are trained, in the order of the file.
 * @param graph whose initializers are what the file stores, apart from `constants`
 * @param constants initializers that were `Constant` nodes
 * @throws ArgumentError for a pattern that no float32 initializer matches, with the nearest name
 */
export function chooseTrainable(trainable: Trainable, graph: Graph, constants: ReadonlySet<string>): string[] {
  const { initializers } = graph;
  const readers = consumers(graph);
  const stored = [...initializers.keys()].filter((name) => !constants.has(name));
  const floats = stored.filter(
    (name) => initializers.get(name)!.type === "float32" && !isDiscrete(name, readers.get(name)),
  );
  if (trainable === "none") {
    return [];
  }
  if (trainable === "all") {
    return floats.filter((name) => !isMadeUp(name, initializers.get(name)!, readers.get(name)));
  }
  if (typeof trainable === "function") {
    return floats.filter((name) => trainable(name, initializers.get(name)!));
  }
  const patterns = typeof trainable === "string" || trainable instanceof RegExp ? [trainable] : trainable;
  const tests = patterns.map((pattern) => {
    const matches = matcher(pattern);
    if (!floats.some(matches)) {
      const others = stored.filter(matches).map((name) => [name, initializers.get(name)!] as const);
      throw new ArgumentError(nothingMatches(pattern, floats, others), "trainable", pattern);
    }
    return matches;
  });
  return floats.filter((name) => tests.some((matches) => matches(name)));
}

/** True when every operator that reads the value reads it as a length, an axis or a factor of a shape. */
function isDiscrete(name: string, nodes: readonly Node[] = []): boolean {
  return (
    nodes.length > 0 &&
    nodes.every(({ op, domain, inputs }) => {
      const discrete = domain === "" ? findOp(op)?.discreteInputs : undefined;
      return inputs.every((input, i) => input !== name || discrete?.includes(i));
    })
  );
}

const madeUpScalar = /^(onnx::\w+|_?val_\d+|scalar_tensor_default(_\d+)?|\w+_cast(_\d+)?|\d+)$/;

function isMadeUp(name: string, { shape, data }: ConstantTensor, nodes: readonly Node[] = []): boolean {
  if (shape.length === 0) {
    return madeUpScalar.test(name);
  }
  const isOnes =
    generatedName.test(name) && nodes.length > 0 && nodes.every(({ op }) => op === "InstanceNormalization");
  return isOnes && (data as Float32Array).every((entry) => entry === 0 || entry === 1);
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
  floats: readonly string[],
  others: readonly (readonly [string, ConstantTensor])[],
): string {
  const other = others[0];
  if (other) {
    const why = other[1].type === "float32" ? "which is a factor of shapes" : `of the element type ${other[1].type}`;
    return `parseOnnx: trainable ${quoted(pattern)} matches "${other[0]}" ${why}; only float32 is trained, and no shapes.`;
  }
  const near = pattern instanceof RegExp ? undefined : nearestTo(pattern, floats);
  const hint = near === undefined ? "." : `; did you mean "${near}"?`;
  return `parseOnnx: trainable ${quoted(pattern)} matches none of the ${floats.length} float32 tensors that the file stores${hint}`;
}

/** The name whose beginning is nearest to what a pattern says before its first star, or whose end to what it says behind. */
function nearestTo(pattern: string, names: readonly string[]): string | undefined {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.at(-1);
  const part = (name: string): string =>
    tail === undefined ? name : head === "" ? name.slice(-tail.length) : name.slice(0, head.length);
  const nearest = nearestName(tail !== undefined && head === "" ? tail : head, new Set(names.map(part)));
  return names.find((name) => part(name) === nearest);
}

const quoted = (pattern: string | RegExp): string => (pattern instanceof RegExp ? String(pattern) : `"${pattern}"`);
