import { ArgumentError, IncompatibleError, type RandomKey, type Tensor } from "@diffusiongym/core";
import { vjp } from "../autodiff/index.js";
import type { NetworkDefinition } from "../builder/index.js";
import { Engine, type Executable, type NamedTensors } from "../engine/index.js";
import type { FileSource } from "../files/index.js";
import { freeze, type Graph, parameterValues, thaw, type ValueInfo } from "../ir/index.js";
import {
  type OpenOnnxOptions,
  openOnnx,
  type ParseOnnxOptions,
  parseOnnx,
  type SaveOnnxOptions,
  saveOnnx,
  writeOnnx,
} from "../onnx/index.js";
import { initializeParameters, Parameters, requireSameLayout } from "../parameters/index.js";
import { type CompiledGradient, type GradientGraph, GraphCache } from "./graph-cache.js";
import { type BuildLoss, LossGradient, type LossOptions } from "./loss-gradient.js";

/** Options of networks. */
export interface NetworkOptions {
  /** What compiles and runs the graphs. @default a new engine with its default options */
  readonly engine?: Engine;
}

/** Options of `Network.load`. */
export interface LoadOptions extends NetworkOptions, ParseOnnxOptions {}

/** Options of `Network.open`. */
export interface OpenOptions extends NetworkOptions, OpenOnnxOptions {}

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
}

/** What `Network.vjp` gives. */
export interface NetworkVjp {
  /** The outputs that were to be kept. */
  readonly outputs: Record<string, Tensor>;
  /** Gradients by the name they are with respect to. */
  readonly gradients: Record<string, Tensor<Float32Array>>;
}

/**
 * A network that runs and learns: a graph, its parameters, and the engine that compiles what is asked for: the
 * network itself, its vector-Jacobian products, gradients of losses. Each is compiled once, when first used.
 */
export class Network {
  /** The graph, whose trainable parameters are inputs. */
  readonly graph: Graph;
  /** The trainable parameters. Writing into them takes effect in the next run. */
  readonly parameters: Parameters;
  #cache: GraphCache;
  readonly #bound = new Map<string, Promise<CompiledGradient>>();
  #gradients: Parameters | undefined;
  #disposed = false;

  /**
   * @param graph parameters that are inputs are trainable; those that are initializers stay as they are
   * @param parameters values of the trainable ones, held, not copied
   * @throws IncompatibleError or ShapeError when they do not fit the graph
   */
  constructor(graph: Graph, parameters: Parameters, { engine = new Engine() }: NetworkOptions = {}) {
    const trainable = new Set(graph.parameters);
    const declared = graph.inputs.filter(({ name }) => trainable.has(name));
    requireSameLayout(
      `Network "${graph.name}"`,
      declared.map(({ name, shape }) => [name, { shape: shape as readonly number[] }]),
      parameters,
      { anyOrder: true },
    );
    this.graph = graph;
    this.parameters = parameters;
    this.#cache = new GraphCache(engine);
  }

  /**
   * A network as it starts.
   * @param definition what a builder made: `mlp({ inDim: 2 })`, or your own
   * @param key for example `RandomKey.fromSeed(0).fold("network")`; each parameter depends on it and its name only
   */
  static initialize(definition: NetworkDefinition, key: RandomKey, options: NetworkOptions = {}): Network {
    return new Network(definition.graph, initializeParameters(definition.parameters, key), options);
  }

  /**
   * A network from the bytes of an `.onnx` file. What the file stores and `trainable` chooses becomes trainable parameters.
   * @throws FormatError for damaged bytes, IncompatibleError for what this package does not know
   */
  static load(bytes: Uint8Array, options: LoadOptions = {}): Network {
    return Network.fromFrozen(parseOnnx(bytes, options), options);
  }

  /**
   * A network from an `.onnx` file at a path, a URL or in a Blob, with the files beside it in which it may keep its weights; of
   * any size, since it is read tensor by tensor. Otherwise as `load`.
   * @throws FileError for a file that is not there; AbortError; and what `load` throws
   */
  static async open(source: FileSource, options: OpenOptions = {}): Promise<Network> {
    return Network.fromFrozen(await openOnnx(source, options), options);
  }

  private static fromFrozen(graph: Graph, options: NetworkOptions): Network {
    const values = Array.from(parameterValues(graph), ([name, { shape, data }]) => [name, { shape, data }] as const);
    const parameters = new Parameters(values.map(([name, { shape }]) => ({ name, shape })));
    parameters.restore(new Map(values.map(([name, { data }]) => [name, data as Float32Array])));
    return new Network(thaw(graph), parameters, options);
  }

  /** What compiles and runs the graphs. */
  get engine(): Engine {
    return this.#cache.engine;
  }

  /** What a run must be given, in order. */
  get inputs(): readonly ValueInfo[] {
    return this.graph.inputs.filter(({ name }) => !this.parameters.has(name));
  }

  /** Names of what a run gives, in order. */
  get outputs(): readonly string[] {
    return this.graph.outputs;
  }

  /** Where gradients of losses go unless told otherwise: one array for each parameter, made when first asked for. */
  get gradients(): Parameters {
    this.#gradients ??= this.parameters.zerosLike();
    return this.#gradients;
  }

  /**
   * Runs the network.
   * @param inputs tensors by input name
   * @param fetches tensors to be filled, by output name
   * @returns every output
   */
  async run(inputs: NamedTensors, fetches: NamedTensors = {}): Promise<Record<string, Tensor>> {
    const { executable } = await this.compiled("run", () => ({
      graph: this.graph,
      gradients: new Map(),
      cotangents: new Map(),
    }));
    return executable.run(inputs, fetches);
  }

  /**
   * Vector-Jacobian products: for each w in `wrt` the gradient of sum_o <v_o, o>, v_o being the cotangent of the output o.
   * @param inputs tensors by input name
   * @param cotangents v_o by output name; outputs that are left out count as zero. `"ones"` is one for every
   *   entry: where each row of an output depends on its own row of the input, that gives the gradients of all rows
   */
  async vjp(inputs: NamedTensors, cotangents: NamedTensors | "ones", options: NetworkVjpOptions): Promise<NetworkVjp> {
    const { wrt, keep = [], into } = options;
    const kind = cotangents === "ones" ? "ones" : "inputs";
    const outputs = cotangents === "ones" ? options.outputs : Object.keys(cotangents);
    const compiled = await this.compiled(keyOf(`vjp ${kind}`, wrt, keep, outputs), () =>
      vjp(this.graph, { wrt, keep, cotangents: kind, ...(outputs && { outputs }) }),
    );
    let feeds = inputs;
    if (cotangents !== "ones") {
      const given = Array.from(compiled.cotangents, ([output, name]) => [name, cotangents[output]!] as const);
      feeds = { ...inputs, ...Object.fromEntries(given) };
    }
    const results = await compiled.executable.run(
      feeds,
      into === undefined ? {} : this.gradientTargets(compiled, into),
    );
    const kept: Record<string, Tensor> = {};
    for (const name of keep) {
      kept[name] = results[name]!;
    }
    const gradients: Record<string, Tensor<Float32Array>> = {};
    for (const [name, output] of compiled.gradients) {
      gradients[name] = results[output] as Tensor<Float32Array>;
    }
    return { outputs: kept, gradients };
  }

  /**
   * The gradient of a loss with respect to all parameters.
   *
   *     const fit = network.lossGradient((g, { output }) => meanSquaredError(g, { prediction: output, target: g.input("target", ["N", 2]) }));
   *     const { loss } = await fit.run({ x, t, target });   // fills network.gradients
   *
   * @param build writes the loss, a scalar, from the network's outputs, and may declare more inputs. Keep the function: the
   *   same one is compiled once
   * @throws ShapeError when the loss is not a scalar; what the builder throws
   */
  lossGradient(build: BuildLoss, options: LossOptions = {}): LossGradient {
    return new LossGradient(build, options, {
      graph: this.graph,
      parameters: this.parameters,
      defaultGradients: () => this.gradients,
      compile: (key, make) => this.compiled(`loss ${this.#cache.identityOf(build)} ${key}`, make),
    });
  }

  /** A network with parameters of its own, equal now, that shares the compiled graphs. */
  clone(): Network {
    return this.withParameters(this.parameters.clone());
  }

  /**
   * The network under other parameters, for example a running average, sharing the compiled graphs.
   * @param parameters held, not copied
   */
  withParameters(parameters: Parameters): Network {
    this.requireAlive();
    const other = new Network(this.graph, parameters, { engine: this.engine });
    other.#cache = this.#cache.share();
    return other;
  }

  /**
   * A copy that cannot be trained and runs faster, because the runtime packs its parameters once: for a reference network,
   * or for inference. Later changes of the parameters do not reach it.
   */
  freeze(): Network {
    const graph = freeze(this.graph, this.parameters.state());
    return new Network(graph, new Parameters([]), { engine: this.engine });
  }

  /**
   * The network as the bytes of an `.onnx` file that any ONNX runtime takes; `Network.load` gives it back.
   * @throws ArgumentError when they would be more than 2 GB, which `saveTo` writes
   */
  save(): Uint8Array<ArrayBuffer> {
    return writeOnnx(freeze(this.graph, this.parameters.arrays()));
  }

  /**
   * Writes the network as an `.onnx` file, whole or not at all, with its weights in a second file where that is needed.
   * @param path where to. Node only
   * @throws FileError when it cannot be written; AbortError
   */
  saveTo(path: string, options: SaveOnnxOptions = {}): Promise<void> {
    return saveOnnx(freeze(this.graph, this.parameters.arrays()), path, options);
  }

  /** Frees the compiled graphs, unless a clone still uses them. The parameters stay. */
  async dispose(): Promise<void> {
    if (!this.#disposed) {
      this.#disposed = true;
      await this.#cache.release();
    }
  }

  /** The compiled graph for a key, with this network's parameters bound to it. */
  private compiled(key: string, make: () => GradientGraph): Promise<CompiledGradient> {
    this.requireAlive();
    let bound = this.#bound.get(key);
    if (bound === undefined) {
      bound = this.bind(this.#cache.get(key, make));
      this.#bound.set(key, bound);
      bound.catch(() => this.#bound.delete(key));
    }
    return bound;
  }

  private async bind(compiled: Promise<CompiledGradient>): Promise<CompiledGradient> {
    const { executable, gradients, cotangents } = await compiled;
    const bound: Executable = executable.bind({ feeds: this.parameters });
    return { executable: bound, gradients, cotangents };
  }

  private gradientTargets({ gradients }: CompiledGradient, into: Parameters): NamedTensors {
    const targets: Record<string, Tensor> = {};
    for (const [name, output] of gradients) {
      if (into.has(name)) {
        targets[output] = into.get(name);
      } else if (this.parameters.has(name)) {
        throw new ArgumentError(`vjp: \`into\` has no place for the gradient of "${name}".`, "into", name);
      }
    }
    return targets;
  }

  private requireAlive(): void {
    if (this.#disposed) {
      throw new IncompatibleError(`Network "${this.graph.name}" was disposed and cannot run.`);
    }
  }
}

/** One text for several lists of names; names hold no control characters. */
function keyOf(kind: string, ...lists: readonly (readonly string[] | undefined)[]): string {
  let key = kind;
  for (const list of lists) {
    key += `\u0001${list === undefined ? "\u0002" : list.join("\u0000")}`;
  }
  return key;
}
