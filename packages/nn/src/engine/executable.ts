import { ArgumentError, DiffusionGymError, NonFiniteError, type Tensor } from "@diffusiongym/core";
import { firstNonFinite } from "../finite/index.js";
import type { Graph, ValueInfo } from "../ir/index.js";
import { fromRuntimeTensor, toRuntimeTensor } from "./conversion.js";
import { executionError } from "./execution-error.js";
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
  /** Bound inputs, and at each run the others: one object for all runs, because they happen one after the other. */
  readonly #feeds: Record<string, RuntimeTensor>;

  /** Use `Engine.compile`. */
  constructor(parts: ExecutableParts, bound: Bound = bind(parts, unbound(parts.graph), {})) {
    this.#parts = parts;
    this.#bound = bound;
    this.inputs = parts.graph.inputs.filter(({ name }) => bound.feeds[name] === undefined);
    this.#feeds = { ...bound.feeds };
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
    const tensors = this.runtimeTensors(feeds);
    const targets = this.runtimeFetches(fetches);
    let made: Readonly<Record<string, RuntimeTensor>>;
    try {
      made = await session.run(() => this.fillFeeds(tensors), targets);
    } catch (error) {
      throw DiffusionGymError.isInstance(error) ? error : executionError(graph.name, feeds, error);
    }
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

  /** As `dispose`, for `await using executable = await engine.compile(graph)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** The inputs that are not bound, checked, in the order of `inputs`. */
  private runtimeTensors(feeds: NamedTensors): RuntimeTensor[] {
    const { session, graph } = this.#parts;
    const symbols = new Map(this.#bound.symbols);
    const tensors: RuntimeTensor[] = [];
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
      tensors.push(toRuntimeTensor(session.runtime, { name, type, tensor }));
    }
    let count = 0;
    for (const _ in feeds) {
      count += 1;
    }
    if (count !== tensors.length) {
      throw this.surplus(feeds);
    }
    return tensors;
  }

  private fillFeeds(tensors: readonly RuntimeTensor[]): Record<string, RuntimeTensor> {
    for (let i = 0; i < tensors.length; i++) {
      this.#feeds[this.inputs[i]!.name] = tensors[i]!;
    }
    return this.#feeds;
  }

  /** The error for inputs that the graph does not take, or does not take any more. */
  private surplus(feeds: NamedTensors): ArgumentError {
    const { graph } = this.#parts;
    const name = Object.keys(feeds).find((key) => !this.inputs.some((input) => input.name === key))!;
    requireName(graph, "input", name);
    return new ArgumentError(`Graph "${graph.name}": the input "${name}" is bound already and cannot be given.`, name);
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
