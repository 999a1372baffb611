import {
  ArgumentError,
  BaseModel,
  type Coefficient,
  checkFinite,
  DDTensor,
  type DiffusionData,
  type MaybePromise,
  type ModelInput,
  type NoConditioning,
  type OutputType,
  type SampleStreams,
  type SchedulerLike,
  ShapeError,
} from "@diffusiongym/core";
import type { Checkpointing } from "../autodiff/index.js";
import type { NamedTensors } from "../engine/index.js";
import type { LoraOptions } from "../lora/index.js";
import { type Parameters, requireSameLayout } from "../parameters/index.js";
import { DataInputs, type DataInputsOptions } from "./data-inputs.js";
import type { NetworkVjpOptions } from "./derivatives.js";
import type { BuildLoss, LossGradient, LossRunOptions } from "./loss-gradient.js";
import type { Network } from "./network.js";

/** Draws n starting states and completes the conditioning, as `BaseModel.sampleP0`. */
export type StartSampler<D extends DiffusionData<D>, C extends object> = (
  n: number,
  streams: SampleStreams,
  conditioning: Partial<C>,
) => MaybePromise<ModelInput<D, C>>;

/** Options of `NetworkModel`. */
export interface NetworkModelOptions<D extends DiffusionData<D>, C extends object> extends DataInputsOptions<D, C> {
  /** The network; its outputs are the tensors of the model's output, in the order of `x.tensors()`. */
  readonly network: Network;
  /** What the network returns. */
  readonly outputType: OutputType;
  /** alpha and beta of the path. */
  readonly scheduler: SchedulerLike;
  /** Draws starting states, or the shape of one sample for standard normal tensors. */
  readonly start: StartSampler<D, C> | readonly number[];
  /** Turns latents into samples. @default nothing */
  readonly postprocess?: (latent: D, conditioning: C) => MaybePromise<D>;
  /**
   * Compute parts of the network twice in place of keeping them when gradients are taken: for networks whose activations do
   * not fit, see {@link Checkpointing}. @default keep all
   */
  readonly checkpoint?: Checkpointing;
}

/** One batch of a regression of the model's output. */
export interface OutputRegression<D, C> extends LossRunOptions {
  /** States, n rows. */
  readonly x: D;
  /** Times, shape [n]. */
  readonly t: Float32Array;
  readonly conditioning: C;
  /** What the output should be, of the structure of x. */
  readonly targets: D;
  /** Weight of each sample, shape [n], or of each sample in each part of the data. */
  readonly weights: Coefficient;
  /** The mean or the sum over the entries of a sample. @default "mean" */
  readonly reduction?: "mean" | "sum";
}

/** One batch of a vector-Jacobian product of the model's output. */
export interface OutputCotangents<D, C> {
  /** States, n rows. */
  readonly x: D;
  /** Times, shape [n]. */
  readonly t: Float32Array;
  readonly conditioning: C;
  /** What the output is multiplied with, of the structure of x. */
  readonly cotangents: D;
}

/** Options of `NetworkModel.clone`: what is trained and, for new adapters, how they are made. */
export interface ModelCloneOptions extends LoraOptions {
  /** All trainable parameters of the network, or low-rank adapters on it. @default "all" */
  readonly trainable?: "all" | "lora";
}

/** A base model whose output is that of a network: run by ONNX Runtime, trained through its gradients. */
export class NetworkModel<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> extends BaseModel<
  D,
  C
> {
  readonly network: Network;
  override readonly outputType: OutputType;
  override readonly scheduler: SchedulerLike;
  readonly #inputs: DataInputs<D, C>;
  readonly #options: NetworkModelOptions<D, C>;
  #regression: LossGradient | undefined;
  #scratch: Parameters | undefined;

  constructor(options: NetworkModelOptions<D, C>) {
    super();
    this.network = options.network;
    this.outputType = options.outputType;
    this.scheduler = options.scheduler;
    this.#inputs = new DataInputs(options.network.inputs, options);
    this.#options = options;
  }

  /** Starting states from the option `start`. */
  sampleP0(n: number, streams: SampleStreams, conditioning: Partial<C>): MaybePromise<ModelInput<D, C>> {
    const { start } = this.#options;
    if (typeof start === "function") {
      return start(n, streams, conditioning);
    }
    // Shapes are only given for plain tensors, which the type of the option cannot say without a second class.
    return { x: DDTensor.randn(n, start, streams) as unknown as D, conditioning: conditioning as C };
  }

  /**
   * The network's output at (x, t).
   * @param t times, shape [n]; the network gets `scheduler.modelInput(t)`
   */
  async forward(x: D, t: Float32Array, conditioning: C): Promise<D> {
    const outputs = await this.network.run(this.#inputs.gather(x, this.#modelTimes(t), conditioning).feeds);
    return this.#asData(x, outputs);
  }

  override postprocess(latent: D, conditioning: C): MaybePromise<D> {
    return this.#options.postprocess?.(latent, conditioning) ?? latent;
  }

  /**
   * Computes sum_i w_i mean_j (output_ij - target_ij)^2, j over all entries of sample i (or the sum over j), and leaves its
   * gradient with respect to the parameters in `network.gradients`.
   * @returns the loss, and the output before any update
   */
  async regress(batch: OutputRegression<D, C>): Promise<{ readonly loss: number; readonly output: D }> {
    const { x, t, conditioning, targets, weights, reduction = "mean", ...options } = batch;
    const { feeds } = this.#inputs.gather(x, this.#modelTimes(t), conditioning);
    const ones = x.onesLike();
    const shares = reduction === "mean" ? ones.scale(ones.aggregate("sum").map((entries) => 1 / entries)) : ones;
    const names = this.network.outputs;
    this.#regression ??= this.network.lossGradient(squaredErrors(names), { keep: names, ...this.#checkpoint });
    const targetFeeds = targets.tensors().map((tensor, k) => [targetName(names[k] ?? ""), tensor] as const);
    const weightFeeds = shares
      .scale(weights)
      .tensors()
      .map((tensor, k) => [weightName(names[k] ?? ""), tensor] as const);
    const { loss, outputs } = await this.#regression.run(
      { ...feeds, ...Object.fromEntries([...targetFeeds, ...weightFeeds]) },
      options,
    );
    return { loss, output: this.#asData(x, outputs) };
  }

  /**
   * The output at (x, t) and the gradient of <cotangents, output> with respect to x.
   * @throws NonFiniteError when the gradient is not finite
   */
  async vjp(batch: OutputCotangents<D, C>): Promise<{ readonly output: D; readonly gradient: D }> {
    const { x, t, conditioning, cotangents } = batch;
    const { feeds, dataNames } = this.#inputs.gather(x, this.#modelTimes(t), conditioning);
    const { outputs, gradients } = await this.network.vjp(feeds, this.#byOutput(cotangents), {
      wrt: dataNames,
      keep: this.network.outputs,
      ...this.#checkpoint,
    });
    const gradient = x.withTensors(dataNames.map((name) => gradients[name]!));
    checkFinite(gradient, "The gradient of the model's output");
    return { output: this.#asData(x, outputs), gradient };
  }

  /**
   * Leaves the gradient of <cotangents, output> with respect to the parameters in `network.gradients`: for losses of the
   * output whose derivative is known.
   * @returns the output before any update
   */
  async backward(batch: OutputCotangents<D, C> & LossRunOptions): Promise<{ readonly output: D }> {
    const { x, t, conditioning, cotangents, accumulate = false, into = this.network.gradients } = batch;
    const { feeds } = this.#inputs.gather(x, this.#modelTimes(t), conditioning);
    this.#scratch ??= accumulate ? this.network.parameters.zerosLike() : undefined;
    const target = accumulate ? this.#scratch! : into;
    const { outputs } = await this.network.vjp(feeds, this.#byOutput(cotangents), {
      wrt: this.network.parameters.names,
      keep: this.network.outputs,
      into: target,
      ...this.#checkpoint,
    });
    if (accumulate) {
      requireSameLayout("NetworkModel.backward", into, target);
      for (let i = 0; i < target.data.length; i++) {
        into.data[i]! += target.data[i]!;
      }
    }
    return { output: this.#asData(x, outputs) };
  }

  /**
   * A copy to be trained, whose output is equal until then.
   *
   * `"all"` gives the network parameters of its own, on the same compiled graphs; adapters, where it has some, are merged
   * first. `"lora"` trains adapters only: those that the network has, or new ones on a packed copy of it.
   * @throws as `Network.withLora` and `Network.mergeLora`
   */
  clone({ trainable = "all", ...options }: ModelCloneOptions = {}): NetworkModel<D, C> {
    const { network } = this;
    const hasAdapters = network.lora !== undefined;
    if (trainable === "lora") {
      return this.withNetwork(hasAdapters ? network.clone() : network.withLora(options));
    }
    return this.withNetwork(hasAdapters ? network.mergeLora() : network.clone());
  }

  /** The model under other parameters (a copy, a running average), sharing the compiled graphs. */
  withNetwork(network: Network): NetworkModel<D, C> {
    return new NetworkModel({ ...this.#options, network });
  }

  get #checkpoint(): Pick<NetworkVjpOptions, "checkpoint"> {
    const { checkpoint } = this.#options;
    return checkpoint === undefined ? {} : { checkpoint };
  }

  #modelTimes(t: Float32Array): Float32Array {
    const inputs: Coefficient = this.scheduler.evaluateBatch((scheduler, time) => scheduler.modelInput(time), t);
    if (typeof inputs === "number") {
      return new Float32Array(t.length).fill(inputs);
    }
    if (inputs instanceof Float64Array || inputs instanceof Float32Array) {
      return Float32Array.from(inputs);
    }
    return t;
  }

  #byOutput(data: D): NamedTensors {
    return Object.fromEntries(data.tensors().map((tensor, k) => [this.network.outputs[k] ?? "", tensor]));
  }

  #asData(x: D, named: NamedTensors): D {
    const outputs = this.network.outputs.map((name) => named[name]!);
    const tensors = x.tensors();
    if (outputs.length !== tensors.length) {
      throw new ArgumentError(
        `The network gives ${outputs.length} outputs for data of ${tensors.length} tensors; it needs one for each.`,
        "network",
      );
    }
    outputs.forEach((output, k) => {
      if (output.shape.join() !== tensors[k]!.shape.join()) {
        throw new ShapeError(
          `The network's output "${this.network.outputs[k]}" has the shape [${output.shape.join(", ")}] for a state of shape [${tensors[k]!.shape.join(", ")}]; they must be equal.`,
          tensors[k]!.shape,
          output.shape,
        );
      }
    });
    return x.withTensors(outputs);
  }
}

const weightName = (output: string): string => `regression.weight.${output}`;
const targetName = (output: string): string => `regression.target.${output}`;

const losses = new Map<string, BuildLoss>();

/** The loss for given outputs; always the same function, so that networks that share graphs compile it once. */
function squaredErrors(outputs: readonly string[]): BuildLoss {
  const key = outputs.join("\n");
  let build = losses.get(key);
  if (build === undefined) {
    build = (g, values) => {
      return outputs
        .map((name) => {
          const { shape } = values[name]!;
          // A weight for every entry, because the rows of a part need not be samples.
          const squares = g.square(g.sub(values[name]!, g.input(targetName(name), shape)));
          return g.reduceSum(g.mul(squares, g.input(weightName(name), shape)));
        })
        .reduce((sum, term) => g.add(sum, term));
    };
    losses.set(key, build);
  }
  return build;
}
