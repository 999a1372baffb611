import { ArgumentError } from "@diffusiongym/core";
import { freeze, type Graph } from "../ir/index.js";
import { Executable } from "./executable.js";
import { ExecutionError, messageOf } from "./execution-error.js";
import { requireProviderNames, requireProviders } from "./providers.js";
import { loadRuntime, type OnnxRuntime, type RuntimeSession, requireRuntime } from "./runtime.js";
import { Session } from "./session.js";
import { sessionModel } from "./session-model.js";
import { requireName } from "./signature.js";

/** Options of an engine. */
export interface EngineOptions {
  /**
   * Threads inside one operator. Results are the same bit for bit from run to run for one number of threads on one machine.
   * @default the number of cores, at most 2
   */
  readonly threads?: number;
  /**
   * ONNX Runtime's execution providers, in order of preference: `cpu`, `webgpu` or `cuda` in Node, `wasm`, `webgpu` or `webnn`
   * in browsers. Operators that one lacks run in the next, and on the CPU in the end. Each must work on this machine.
   * @default ["cpu"] in Node, ["wasm"] in browsers
   */
  readonly providers?: readonly string[];
  /**
   * Whether memory that a run needed stays with its graph for the next. Without it the memory goes back to the system, and
   * runs of large graphs spend about a tenth more in getting it again; those of small graphs take equally long.
   * @default true
   */
  readonly keepMemory?: boolean;
  /**
   * The runtime to use, already imported: `await import("onnxruntime-web/webgpu")`.
   * @default onnxruntime-node in Node, onnxruntime-web in browsers, imported when the first graph is compiled
   */
  readonly runtime?: object;
}

/** Options of `Engine.compile`. */
export interface CompileOptions {
  /** Parameters to store in the compiled graph, which runs faster with them than when they are fed. @default none */
  readonly frozen?: ReadonlyMap<string, Float32Array>;
  /** Threads for this graph. @default the engine's */
  readonly threads?: number;
  /**
   * Optimizations of the runtime to leave out, by its own names ("MatMulScaleFusion"): for graphs whose results are to have
   * the bits of others. @default none
   */
  readonly withoutOptimizers?: readonly string[];
  /** Outputs to be searched for NaN and infinities after each run: all, none or those named. @default false */
  readonly checkFinite?: boolean | readonly string[];
}

/** Compiles graphs with ONNX Runtime and keeps track of them, so that all can be freed together. */
export class Engine {
  /** Threads inside one operator. */
  readonly threads: number;
  readonly #providers: readonly string[] | undefined;
  readonly #keepMemory: boolean;
  #checkedProviders: Promise<void> | undefined;
  readonly #runtime: OnnxRuntime | undefined;
  readonly #sessions = new Set<Session>();

  /**
   * @throws ArgumentError for a number of threads that is not a whole number >= 1, a provider that nobody knows, or a runtime
   *   that is none
   */
  constructor({ threads = defaultThreads(), providers, keepMemory = true, runtime }: EngineOptions = {}) {
    this.threads = requireThreads(threads);
    this.#providers = providers === undefined ? undefined : requireProviderNames(providers);
    this.#keepMemory = keepMemory;
    this.#runtime = runtime === undefined ? undefined : requireRuntime(runtime, "The runtime that was given");
  }

  /**
   * Compiles a graph.
   * @param graph with all its parameters as inputs, to be fed or bound, except those in `frozen` and its initializers
   * @throws MissingPackageError when ONNX Runtime is not installed; ProviderError when a provider that the engine was to use
   *   does not work on this machine; ExecutionError when the runtime refuses the graph
   */
  async compile(graph: Graph, options: CompileOptions = {}): Promise<Executable> {
    const { frozen, threads = this.threads, withoutOptimizers = [], checkFinite = false } = options;
    const checkedOutputs = typeof checkFinite === "boolean" ? (checkFinite ? graph.outputs : []) : checkFinite;
    for (const name of checkedOutputs) {
      requireName(graph, "output", name);
    }
    requireThreads(threads);
    const compiled = frozen === undefined ? graph : freeze(graph, frozen);
    const runtime = this.#runtime ?? (await loadRuntime());
    if (this.#providers !== undefined) {
      this.#checkedProviders ??= requireProviders(runtime, this.#providers);
      await this.#checkedProviders;
    }
    const made = await this.createSession(compiled, runtime, { threads, withoutOptimizers });
    const session = new Session(graph.name, runtime, made, (disposed) => this.#sessions.delete(disposed));
    this.#sessions.add(session);
    return new Executable({ session, graph: compiled, checkedOutputs });
  }

  /** Frees every graph that this engine compiled, after the runs in progress. */
  async dispose(): Promise<void> {
    await Promise.all(Array.from(this.#sessions, (session) => session.dispose()));
  }

  /** As `dispose`, for `await using engine = new Engine()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private async createSession(
    graph: Graph,
    runtime: OnnxRuntime,
    { threads, withoutOptimizers }: Required<Pick<CompileOptions, "threads" | "withoutOptimizers">>,
  ): Promise<RuntimeSession> {
    const isWeb = runtime.env.versions.web !== undefined;
    if (isWeb) {
      // The Wasm build has one pool for all sessions, whose size counts when the first of them is made.
      runtime.env.wasm.numThreads = threads;
    }
    const { model, externalData } = sessionModel(graph);
    try {
      return await runtime.InferenceSession.create(model, {
        ...(externalData.length > 0 && { externalData }),
        executionProviders: this.#providers ?? [isWeb ? "wasm" : "cpu"],
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        interOpNumThreads: 1,
        intraOpNumThreads: threads,
        enableCpuMemArena: this.#keepMemory,
        // The runtime would plan all memory of the second run as one block while that of the first is still held: training
        // the U-Net of DDPM on 8 images took 2.0 GB with such a plan and 1.3 GB without, in the same time.
        enableMemPattern: false,
        // Threads that wait for work by spinning take the cores from JavaScript and from each other: on a busy machine of two
        // cores an iteration of value matching took 101 ms with spinning and 32 ms without.
        extra: {
          ...(isWeb ? {} : { session: { intra_op: { allow_spinning: "0" } } }),
          ...(withoutOptimizers.length > 0 && {
            optimization: { disable_specified_optimizers: withoutOptimizers.join(";") },
          }),
        },
        // Errors reach the caller as exceptions; printing them as well would only be noise.
        logSeverityLevel: 4,
      });
    } catch (error) {
      throw new ExecutionError(
        `ONNX Runtime refused graph "${graph.name}": ${messageOf(error)}`,
        graph.name,
        {},
        error,
      );
    }
  }
}

function defaultThreads(): number {
  return Math.min(2, globalThis.navigator?.hardwareConcurrency ?? 2);
}

function requireThreads(threads: number): number {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new ArgumentError(`threads must be a whole number >= 1, got ${threads}.`, "threads", threads);
  }
  return threads;
}
