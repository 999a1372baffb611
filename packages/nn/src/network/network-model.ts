import {
  ArgumentError,
  BaseModel,
  type Coefficient,
  DDTensor,
  type DiffusionData,
  type MaybePromise,
  type ModelInput,
  type NoConditioning,
  type OutputType,
  type SampleStreams,
  type SchedulerLike,
  ShapeError,
  Tensor,
} from "@diffusiongym/core";
import { sumSquaredError } from "../builder/index.js";
import { DataInputs, type DataInputsOptions } from "./data-inputs.js";
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
  /** Weight of each sample; shape [n]. */
  readonly weights: Float32Array;
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
    return this.#asData(
      x,
      this.network.outputs.map((name) => outputs[name]!),
    );
  }

  override postprocess(latent: D, conditioning: C): MaybePromise<D> {
    return this.#options.postprocess?.(latent, conditioning) ?? latent;
  }

  /**
   * Computes sum_i w_i mean_j (output_ij - target_ij)^2, j over all entries of sample i, and leaves its gradient with
   * respect to the parameters in `network.gradients`.
   */
  async regress(batch: OutputRegression<D, C>): Promise<{ readonly loss: number }> {
    const { x, t, conditioning, targets, weights, ...options } = batch;
    const { feeds } = this.#inputs.gather(x, this.#modelTimes(t), conditioning);
    const entries = x.tensors().reduce((sum, tensor) => sum + tensor.size, 0) / Math.max(1, x.length);
    this.#regression ??= this.network.lossGradient(squaredErrors(this.network.outputs));
    const targetFeeds = targets
      .tensors()
      .map((tensor, k) => [targetName(this.network.outputs[k] ?? ""), tensor] as const);
    return this.#regression.run(
      {
        ...feeds,
        ...Object.fromEntries(targetFeeds),
        [weightName]: new Tensor(
          weights.map((weight) => weight / entries),
          [x.length],
        ),
      },
      options,
    );
  }

  /** The model under other parameters (a copy, a running average), sharing the compiled graphs. */
  withNetwork(network: Network): NetworkModel<D, C> {
    return new NetworkModel({ ...this.#options, network });
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

  #asData(x: D, outputs: readonly Tensor[]): D {
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

const weightName = "regression.weight";
const targetName = (output: string): string => `regression.target.${output}`;

const losses = new Map<string, BuildLoss>();

/** The loss for given outputs; always the same function, so that networks that share graphs compile it once. */
function squaredErrors(outputs: readonly string[]): BuildLoss {
  const key = outputs.join("\n");
  let build = losses.get(key);
  if (build === undefined) {
    build = (g, values) => {
      const weights = g.input(weightName, ["N"]);
      return outputs
        .map((name) =>
          sumSquaredError(g, {
            prediction: values[name]!,
            target: g.input(targetName(name), values[name]!.shape),
            weights,
          }),
        )
        .reduce((sum, term) => g.add(sum, term));
    };
    losses.set(key, build);
  }
  return build;
}
