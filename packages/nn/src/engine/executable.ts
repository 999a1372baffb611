import { ArgumentError, NonFiniteError, type Tensor } from "@diffusiongym/core";
import { firstNonFinite } from "../finite/index.js";
import type { Graph, ValueInfo } from "../ir/index.js";
import { fromRuntimeTensor, toRuntimeTensor } from "./conversion.js";
import type { RuntimeTensor } from "./runtime.js";
import type { Session } from "./session.js";
import { checkInput, requireName } from "./signature.js";

/** Tensors by input or output name. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** What `Executable.bind` fixes. */
export interface Bindings {
  /** Inputs that are the same array in every run, for example parameters; their contents may change between runs. */
  readonly feeds?: Iterable<readonly [string, Tensor]>;
  /** Outputs that go into the same array in every run, for example gradients. */
  readonly fetches?: Iterable<readonly [string, Tensor]>;
}

/** What an executable is made of. */
export interface ExecutableParts {
  readonly session: Session;
  readonly graph: Graph;
  /** Outputs to be searched for NaN and infinities after each run. */
  readonly checkedOutputs: readonly string[];
}

/** A compiled graph, ready to run. Made by `Engine.compile`. */
export class Executable {
  /** Inputs that a run must be given, in the graph's order. */
  readonly inputs: readonly ValueInfo[];
  /** Names of the outputs, in the graph's order. */
  readonly outputs: readonly string[];
  readonly #parts: ExecutableParts;
  readonly #bound: Bound;
  readonly #inputNames: ReadonlySet<string>;

  /** Use `Engine.compile`. */
  constructor(parts: ExecutableParts, bound: Bound = bind(parts, unbound(parts.graph), {})) {
    this.#parts = parts;
    this.#bound = bound;
    this.inputs = parts.graph.inputs.filter(({ name }) => bound.feeds[name] === undefined);
    this.#inputNames = new Set(this.inputs.map(({ name }) => name));
    this.outputs = parts.graph.outputs;
  }

  /**
   * The same compiled graph with some inputs and outputs fixed to arrays, which the runtime then reads and fills directly
   * in every run. Both share one queue, and disposing one disposes both.
   * @throws ArgumentError for an unknown name, ShapeError for another shape
   */
  bind(bindings: Bindings): Executable {
    return new Executable(this.#parts, bind(this.#parts, this.#bound, bindings));
  }

  /**
   * Runs the graph. Runs that are asked for at the same time happen one after the other.
   * @param feeds every input that is not bound
   * @param fetches tensors to be filled, by output name; they must have the output's exact shape
   * @returns every output: the tensor that was given or bound for it, or a new one
   * @throws ArgumentError, ShapeError for inputs that do not fit; ExecutionError when the runtime fails; NonFiniteError when
   *   an output that was to be checked holds NaN or an infinity
   */
  async run(feeds: NamedTensors = {}, fetches: NamedTensors = {}): Promise<Record<string, Tensor>> {
    const { session, graph, checkedOutputs } = this.#parts;
    const made = await session.run(this.runtimeFeeds(feeds), this.runtimeFetches(fetches));
    const results: Record<string, Tensor> = {};
    for (const name of graph.outputs) {
      results[name] = fetches[name] ?? this.#bound.targets[name] ?? fromRuntimeTensor(name, made[name]!);
    }
    for (const name of checkedOutputs) {
      requireFinite(graph.name, name, results[name]!);
    }
    return results;
  }

  /** Frees the compiled graph after the runs in progress. */
  dispose(): Promise<void> {
    return this.#parts.session.dispose();
  }

  private runtimeFeeds(feeds: NamedTensors): Record<string, RuntimeTensor> {
    const { session, graph } = this.#parts;
    const all: Record<string, RuntimeTensor> = { ...this.#bound.feeds };
    const symbols = new Map(this.#bound.symbols);
    for (const info of this.inputs) {
      const { name, type } = info;
      const tensor = feeds[name];
      if (tensor === undefined) {
        throw new ArgumentError(
          `Graph "${graph.name}" needs the input "${name}" ${type} [${info.shape.join(", ")}]; given were: ${Object.keys(feeds).join(", ") || "none"}.`,
          name,
        );
      }
      checkInput(graph.name, info, tensor, symbols);
      all[name] = toRuntimeTensor(session.runtime, { name, type, tensor });
    }
    for (const name in feeds) {
      if (!this.#inputNames.has(name)) {
        requireName(graph, "input", name);
        throw new ArgumentError(
          `Graph "${graph.name}": the input "${name}" is bound already and cannot be given.`,
          name,
        );
      }
    }
    return all;
  }

  private runtimeFetches(fetches: NamedTensors): Record<string, RuntimeTensor | null> {
    let all = this.#bound.fetches;
    for (const name in fetches) {
      const { session, graph } = this.#parts;
      requireName(graph, "output", name);
      if (all === this.#bound.fetches) {
        all = { ...all };
      }
      all[name] = toRuntimeTensor(session.runtime, { name, type: outputType(graph, name), tensor: fetches[name]! });
    }
    return all;
  }
}

/** Fixed inputs and outputs, as the runtime takes them. */
interface Bound {
  readonly feeds: Readonly<Record<string, RuntimeTensor>>;
  /** Every output: what is to be filled, or null. */
  readonly fetches: Record<string, RuntimeTensor | null>;
  /** The tensors behind `fetches`. */
  readonly targets: Readonly<Record<string, Tensor>>;
  /** Symbolic axes that the fixed inputs decide. */
  readonly symbols: ReadonlyMap<string, { readonly length: number; readonly input: string }>;
}

function unbound(graph: Graph): Bound {
  return {
    feeds: {},
    fetches: Object.fromEntries(graph.outputs.map((name) => [name, null])),
    targets: {},
    symbols: new Map(),
  };
}

function bind({ session, graph }: ExecutableParts, before: Bound, { feeds = [], fetches = [] }: Bindings): Bound {
  const symbols = new Map(before.symbols);
  const boundFeeds = { ...before.feeds };
  const infos = new Map(graph.inputs.map((info) => [info.name, info]));
  for (const [name, tensor] of feeds) {
    requireName(graph, "input", name);
    const info = infos.get(name)!;
    checkInput(graph.name, info, tensor, symbols);
    boundFeeds[name] = toRuntimeTensor(session.runtime, { name, type: info.type, tensor });
  }
  const boundFetches = { ...before.fetches };
  const targets = { ...before.targets };
  for (const [name, tensor] of fetches) {
    requireName(graph, "output", name);
    boundFetches[name] = toRuntimeTensor(session.runtime, { name, type: outputType(graph, name), tensor });
    targets[name] = tensor;
  }
  return { feeds: boundFeeds, fetches: boundFetches, targets, symbols };
}

/** Element type of an output; what is not known is taken for floats. */
function outputType(graph: Graph, name: string): ValueInfo["type"] {
  const info =
    graph.inputs.find((input) => input.name === name) ?? graph.valueInfo.get(name) ?? graph.initializers.get(name);
  return info?.type ?? "float32";
}

function requireFinite(graphName: string, name: string, { data, shape }: Tensor): void {
  const entry = firstNonFinite(data);
  if (entry >= 0) {
    const row = Math.floor(entry / (data.length / (shape[0] ?? 1)));
    throw new NonFiniteError(
      `The output "${name}" of graph "${graphName}" holds ${data[entry]} in row ${row}. Look at its inputs and parameters: one ` +
        "of them is not finite, or the network overflows.",
      name,
      row,
    );
  }
}
