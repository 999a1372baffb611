import { ArgumentError, type SampleStreams, Tensor } from "@diffusiongym/core";
import { type Checkpointing, jacobianTrace, jvp, vjp } from "../autodiff/index.js";
import type { NamedTensors } from "../engine/index.js";
import { type Graph, typeOf } from "../ir/index.js";
import { equalShapes } from "../ops/index.js";
import type { Parameters } from "../parameters/index.js";
import type { CompiledGradient, GradientGraph } from "./graph-cache.js";

/** What `Network.vjp` differentiates. */
export interface NetworkVjpOptions {
  /** Names of inputs and parameters whose gradients are wanted. */
  readonly wrt: readonly string[];
  /** The outputs that are differentiated where the cotangents are `"ones"`. @default all of floating point */
  readonly outputs?: readonly string[];
  /** Outputs of the network that are computed along with the gradients. @default none */
  readonly keep?: readonly string[];
  /** Where the gradients of parameters go. @default new tensors */
  readonly into?: Parameters;
  /** Compute parts of the network twice in place of keeping them, see {@link Checkpointing}. @default keep all */
  readonly checkpoint?: Checkpointing;
}

/** What `Network.vjp` gives. */
export interface NetworkVjp {
  /** The outputs that were to be kept. */
  readonly outputs: Record<string, Tensor>;
  /** Gradients by the name they are with respect to. */
  readonly gradients: Record<string, Tensor<Float32Array>>;
}

/** What `Network.jvp` differentiates. */
export interface NetworkJvpOptions {
  /** The outputs that are differentiated. @default all of floating point */
  readonly outputs?: readonly string[];
  /** Outputs of the network that are computed along with the derivatives. @default none */
  readonly keep?: readonly string[];
}

/** What `Network.jvp` gives. */
export interface NetworkJvp {
  /** The outputs that were to be kept. */
  readonly outputs: Record<string, Tensor>;
  /** Derivatives by output name. */
  readonly derivatives: Record<string, Tensor<Float32Array>>;
}

/** What `Network.jacobianTrace` computes. */
export interface NetworkTraceOptions {
  /**
   * Which output is differentiated with respect to which input: `{ x: "velocity" }`; the trace is over all pairs.
   * @default the only input and output of equal shapes
   */
  readonly pairs?: Readonly<Record<string, string>>;
  /**
   * Directions e by input name, or several sets of them over which e^T J e is averaged: `drawProbe` makes them. Hold them
   * along an ODE, so that what is integrated is smooth.
   * @default none: the exact trace
   */
  readonly probes?: NamedTensors | readonly NamedTensors[];
  /** Outputs of the network that are computed along with the trace. @default none */
  readonly keep?: readonly string[];
}

/** What `Network.jacobianTrace` gives. */
export interface NetworkTrace {
  /** The trace, or its estimate, of every sample; shape [N]. */
  readonly trace: Tensor<Float32Array>;
  /** The outputs that were to be kept. */
  readonly outputs: Record<string, Tensor>;
}

/** What derivatives of a network need of it. */
export interface DerivativeContext {
  readonly graph: Graph;
  readonly parameters: Parameters;
  readonly compile: (key: string, make: () => GradientGraph) => Promise<CompiledGradient>;
}

/** See `Network.vjp`. */
export async function runVjp(
  { graph, parameters, compile }: DerivativeContext,
  inputs: NamedTensors,
  options: NetworkVjpOptions & { readonly cotangents: NamedTensors | "ones" },
): Promise<NetworkVjp> {
  const { wrt, keep = [], into, cotangents, checkpoint } = options;
  const kind = cotangents === "ones" ? "ones" : "inputs";
  const outputs = cotangents === "ones" ? options.outputs : Object.keys(cotangents);
  const compiled = await compile(keyOf(`vjp ${kind} ${plan(checkpoint)}`, wrt, keep, outputs), () =>
    vjp(graph, {
      wrt,
      keep,
      cotangents: kind,
      ...(outputs && { outputs }),
      ...(checkpoint !== undefined && { checkpoint }),
    }),
  );
  const feeds = cotangents === "ones" ? inputs : withDirections(inputs, compiled, cotangents);
  const targets = into === undefined ? {} : gradientTargets(compiled, { into, parameters });
  const results = await compiled.executable.run(feeds, targets);
  return { outputs: picked(results, keep), gradients: named(results, compiled) };
}

/** See `Network.jvp`. */
export async function runJvp(
  { graph, compile }: DerivativeContext,
  inputs: NamedTensors,
  options: NetworkJvpOptions & { readonly tangents: NamedTensors },
): Promise<NetworkJvp> {
  const { tangents, outputs, keep = [] } = options;
  const wrt = Object.keys(tangents);
  const compiled = await compile(keyOf("jvp", wrt, keep, outputs), () => {
    const made = jvp(graph, { wrt, keep, ...(outputs && { outputs }) });
    return { graph: made.graph, gradients: made.derivatives, cotangents: made.tangents };
  });
  const results = await compiled.executable.run(withDirections(inputs, compiled, tangents));
  return { outputs: picked(results, keep), derivatives: named(results, compiled) };
}

/** See `Network.jacobianTrace`. */
export async function runJacobianTrace(
  { graph, parameters, compile }: DerivativeContext,
  inputs: NamedTensors,
  options: NetworkTraceOptions,
): Promise<NetworkTrace> {
  const { pairs = onlyPair(graph, parameters), probes, keep = [] } = options;
  const method = probes === undefined ? "exact" : "probe";
  const compiled = await compile(keyOf(`trace ${method}`, Object.keys(pairs), Object.values(pairs), keep), () => {
    const made = jacobianTrace(graph, { pairs, method, keep });
    return { graph: made.graph, gradients: new Map([["trace", made.trace]]), cotangents: made.probes };
  });
  const trace = (results: Readonly<Record<string, Tensor>>): Tensor<Float32Array> => named(results, compiled).trace!;
  const sets = probes === undefined ? [{}] : isList(probes) ? probes : [probes];
  if (sets.length === 0) {
    throw new ArgumentError("jacobianTrace: no probes were given; give one set of them or more.", "probes", probes);
  }
  const first = await compiled.executable.run(withDirections(inputs, compiled, sets[0]!));
  const sum = Float64Array.from(trace(first).data);
  for (const directions of sets.slice(1)) {
    const { data } = trace(await compiled.executable.run(withDirections(inputs, compiled, directions)));
    data.forEach((value, i) => {
      sum[i]! += value;
    });
  }
  const mean = Float32Array.from(sum, (value) => value / sets.length);
  return { trace: new Tensor(mean, [mean.length]), outputs: picked(first, keep) };
}

/** Options of `drawProbe`. */
export interface ProbeOptions {
  /** Shape of the batch, samples first: that of the input whose direction it is. */
  readonly shape: readonly number[];
  /** One stream a sample. */
  readonly streams: SampleStreams;
  /** Entries of -1 and 1, which give estimates of the smaller variance, or standard normal ones. @default "rademacher" */
  readonly kind?: "rademacher" | "normal";
}

/** A random direction for Hutchinson's estimate: independent entries of mean 0 and variance 1, those of a sample from its stream. */
export function drawProbe({ shape, streams, kind = "rademacher" }: ProbeOptions): Tensor<Float32Array> {
  const probe = Tensor.zeros(shape);
  const samples = shape[0] ?? 0;
  const size = samples === 0 ? 0 : probe.data.length / samples;
  for (let i = 0; i < samples; i++) {
    const stream = streams.at(i);
    const row = probe.data.subarray(i * size, (i + 1) * size);
    if (kind === "normal") {
      stream.fillNormal(row);
    } else {
      stream.fillUniform(row);
      for (let j = 0; j < size; j++) {
        row[j] = row[j]! < 0.5 ? -1 : 1;
      }
    }
  }
  return probe;
}

const plan = (checkpoint: Checkpointing | undefined): string =>
  checkpoint === undefined ? "" : JSON.stringify(checkpoint);

const isList = (probes: NamedTensors | readonly NamedTensors[]): probes is readonly NamedTensors[] =>
  Array.isArray(probes);

function onlyPair(graph: Graph, parameters: Parameters): Readonly<Record<string, string>> {
  const found = graph.inputs
    .filter(({ name, type, shape }) => !parameters.has(name) && type === "float32" && shape.length > 0)
    .flatMap(({ name, shape }) =>
      graph.outputs
        .filter((output) => equalShapes(typeOf(graph, output)?.shape ?? [], shape))
        .map((output) => [name, output] as const),
    );
  if (found.length !== 1) {
    throw new ArgumentError(
      `jacobianTrace: ${found.length} pairs of an input and an output of network "${graph.name}" have equal shapes; say which in \`pairs\`, as { x: "y" }.`,
      "pairs",
      found,
    );
  }
  return Object.fromEntries(found);
}

function withDirections(
  inputs: NamedTensors,
  { cotangents }: CompiledGradient,
  directions: NamedTensors,
): NamedTensors {
  const given = Array.from(cotangents, ([of, name]) => {
    const tensor = directions[of];
    if (tensor === undefined) {
      throw new ArgumentError(
        `A direction for "${of}" is missing; given were: ${Object.keys(directions).join(", ") || "none"}.`,
        of,
      );
    }
    return [name, tensor] as const;
  });
  return { ...inputs, ...Object.fromEntries(given) };
}

function gradientTargets(
  { gradients }: CompiledGradient,
  { into, parameters }: { readonly into: Parameters; readonly parameters: Parameters },
): NamedTensors {
  const targets: Record<string, Tensor> = {};
  for (const [name, output] of gradients) {
    if (into.has(name)) {
      targets[output] = into.get(name);
    } else if (parameters.has(name)) {
      throw new ArgumentError(`vjp: \`into\` has no place for the gradient of "${name}".`, "into", name);
    }
  }
  return targets;
}

// Loops, because these run at every step of a training.
function picked(results: Readonly<Record<string, Tensor>>, names: readonly string[]): Record<string, Tensor> {
  const kept: Record<string, Tensor> = {};
  for (const name of names) {
    kept[name] = results[name]!;
  }
  return kept;
}

function named(
  results: Readonly<Record<string, Tensor>>,
  { gradients }: CompiledGradient,
): Record<string, Tensor<Float32Array>> {
  const found: Record<string, Tensor<Float32Array>> = {};
  for (const [name, output] of gradients) {
    found[name] = results[output] as Tensor<Float32Array>;
  }
  return found;
}

/** One text for several lists of names; names hold no control characters. */
function keyOf(kind: string, ...lists: readonly (readonly string[] | undefined)[]): string {
  let key = kind;
  for (const list of lists) {
    key += `\u0001${list === undefined ? "\u0002" : list.join("\u0000")}`;
  }
  return key;
}
