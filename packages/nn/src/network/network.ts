import { IncompatibleError, type RandomKey, type Tensor } from "@diffusiongym/core";
import type { NetworkDefinition } from "../builder/index.js";
import { Engine, type NamedTensors } from "../engine/index.js";
import type { FileSource } from "../files/index.js";
import { freeze, type Graph, parameterValues, thaw, type ValueInfo } from "../ir/index.js";
import {
  addLora,
  fromPeft,
  type LoraAdapter,
  type LoraOptions,
  mergeLora,
  type PeftFiles,
  toPeft,
} from "../lora/index.js";
import { openOnnx, parseOnnx, type SaveOnnxOptions, saveOnnx, writeOnnx } from "../onnx/index.js";
import { initializeParameters, Parameters, requireSameLayout } from "../parameters/index.js";
import { BoundGraphs } from "./bound-graphs.js";
import {
  type DerivativeContext,
  type NetworkJvp,
  type NetworkJvpOptions,
  type NetworkTrace,
  type NetworkTraceOptions,
  type NetworkVjp,
  type NetworkVjpOptions,
  runJacobianTrace,
  runJvp,
  runVjp,
} from "./derivatives.js";
import { type CompiledGradient, type GradientGraph, GraphCache } from "./graph-cache.js";
import { type BuildLoss, LossGradient, type LossOptions } from "./loss-gradient.js";
import type { LoadOptions, NetworkOptions, OpenOptions } from "./options.js";

/**
 * A network that runs and learns: a graph, its parameters, and the engine that compiles what is asked for: the
 * network itself, its vector-Jacobian products, gradients of losses. Each is compiled once, when first used.
 */
export class Network {
  /** The graph, whose trainable parameters are inputs. */
  readonly graph: Graph;
  /** The trainable parameters. Writing into them takes effect in the next run. */
  readonly parameters: Parameters;
  /** The adapters, on a network that `withLora` made. */
  readonly lora: LoraAdapter | undefined;
  #graphs: BoundGraphs;
  #gradients: Parameters | undefined;
  #disposed = false;

  /**
   * @param graph parameters that are inputs are trainable; those that are initializers stay as they are
   * @param parameters values of the trainable ones, held, not copied
   * @throws IncompatibleError or ShapeError when they do not fit the graph
   */
  constructor(graph: Graph, parameters: Parameters, { engine = new Engine(), lora }: NetworkOptions = {}) {
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
    this.lora = lora;
    this.#graphs = new BoundGraphs(new GraphCache(engine), parameters);
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
    return this.#graphs.cache.engine;
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
  vjp(inputs: NamedTensors, cotangents: NamedTensors | "ones", options: NetworkVjpOptions): Promise<NetworkVjp> {
    return runVjp(this.derivatives, inputs, { ...options, cotangents });
  }

  /**
   * Jacobian-vector products: for each output o the derivative sum_w (d o / d w) v_w, v_w being the tangent of w.
   * @param inputs tensors by input name
   * @param tangents v_w by the name of an input or parameter; those that are left out do not move
   */
  jvp(inputs: NamedTensors, tangents: NamedTensors, options: NetworkJvpOptions = {}): Promise<NetworkJvp> {
    return runJvp(this.derivatives, inputs, { ...options, tangents });
  }

  /**
   * The trace of the Jacobian of every sample, for example the divergence of a velocity field: exactly, with one backward
   * pass an entry, or with `probes` by Hutchinson's estimate.
   *
   *     const { trace, outputs } = await network.jacobianTrace({ x, t }, { keep: ["velocity"] });     // d log p / dt = -trace
   *
   * @param inputs tensors by input name, whose first axis is the samples
   */
  jacobianTrace(inputs: NamedTensors, options: NetworkTraceOptions = {}): Promise<NetworkTrace> {
    return runJacobianTrace(this.derivatives, inputs, options);
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
      compile: (key, make) => this.compiled(`loss ${this.#graphs.cache.identityOf(build)} ${key}`, make),
    });
  }

  /**
   * The network with low-rank adapters on some of its weights, which are its only trainable parameters: the base is copied and
   * packed into the compiled graphs. It gives what this network gives until it is trained.
   * @param options of new adapters, or the files of some that PEFT stored
   * @throws ArgumentError for targets that nothing matches; IncompatibleError when the network has adapters, or a file does
   *   not fit it
   */
  withLora(options: LoraOptions | PeftFiles = {}): Network {
    if (this.lora !== undefined) {
      throw new IncompatibleError(`withLora: network "${this.graph.name}" has adapters already; merge these first.`);
    }
    const base = { graph: this.graph, parameters: this.parameters };
    const adapted = "weights" in options ? fromPeft(base, options) : addLora(base, options);
    return new Network(adapted.graph, adapted.parameters, { engine: this.engine, lora: adapted.adapter });
  }

  /** A new network without adapters, which are added to the weights: W + scale B A. @throws as `mergeLora` */
  mergeLora(): Network {
    const { graph, parameters } = mergeLora(this.requireLora("mergeLora"), this.parameters);
    return new Network(graph, parameters, { engine: this.engine });
  }

  /** A new network with the base's parameters and without adapters. */
  withoutLora(): Network {
    const { graph, parameters } = this.requireLora("withoutLora").base;
    return new Network(graph, parameters.clone(), { engine: this.engine });
  }

  /** The adapters as the two files that PEFT reads; `withLora` gives them back. */
  saveLora(): PeftFiles {
    return toPeft(this.requireLora("saveLora"), this.parameters);
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
    const other = new Network(this.graph, parameters, { engine: this.engine, ...(this.lora && { lora: this.lora }) });
    other.#graphs = new BoundGraphs(this.#graphs.cache.share(), parameters);
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
      await this.#graphs.cache.release();
    }
  }

  /** As `dispose`, for `await using network = ...`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** The compiled graph for a key, with this network's parameters bound to it. */
  private compiled(key: string, make: () => GradientGraph): Promise<CompiledGradient> {
    this.requireAlive();
    return this.#graphs.get(key, make);
  }

  private get derivatives(): DerivativeContext {
    const { graph, parameters } = this;
    return { graph, parameters, compile: (key, make) => this.compiled(key, make) };
  }

  private requireLora(caller: string): LoraAdapter {
    if (this.lora === undefined) {
      throw new IncompatibleError(
        `${caller}: network "${this.graph.name}" has no adapters; withLora() makes one that has.`,
      );
    }
    return this.lora;
  }

  private requireAlive(): void {
    if (this.#disposed) {
      throw new IncompatibleError(`Network "${this.graph.name}" was disposed and cannot run.`);
    }
  }
}
