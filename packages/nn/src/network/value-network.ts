import {
  ArgumentError,
  checkFinite,
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  NonFiniteError,
  ShapeError,
  Tensor,
  type ValueFunction,
} from "@diffusiongym/core";
import { firstNonFinite } from "../finite/index.js";
import { DataInputs, type DataInputsOptions } from "./data-inputs.js";
import type { BuildLoss, LossGradient, LossRunOptions } from "./loss-gradient.js";
import type { Network } from "./network.js";

/** Options of `ValueNetwork`. */
export interface ValueNetworkOptions<D extends DiffusionData<D>, C extends object> extends DataInputsOptions<D, C> {
  /** One number a sample: an output of shape [N] or [N, 1]. */
  readonly network: Network;
  /** Name of that output. @default the network's only output */
  readonly output?: string;
}

/** A value and its gradient, of one run. */
export interface ValueAndGradient<D> {
  /** V; shape [n]. */
  readonly values: Float32Array;
  /** Gradient of each sample's V with respect to the sample. */
  readonly gradient: D;
}

/** One batch of a regression of V. */
export interface Regression<D, C> extends LossRunOptions {
  readonly x: D;
  /** Times, shape [n]. */
  readonly t: Float32Array;
  readonly conditioning: C;
  /** What V should be at each sample; shape [n]. */
  readonly targets: Float32Array;
  /** Weight of each sample; shape [n]. @default ones */
  readonly weights?: Float32Array;
}

/** What a regression gives. */
export interface RegressionResult {
  /** sum_i w_i (V_i - target_i)^2 */
  readonly loss: number;
  /** V before the update; shape [n]. */
  readonly values: Float32Array;
}

/** Names that the regression's own inputs have in its graph. */
const targetName = "regression.target";
const weightName = "regression.weight";

/** A trainable value function of any data type: a network that gives one number a sample. */
export class ValueNetwork<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  implements ValueFunction<D, C>
{
  /** The network, whose parameters are to be trained. */
  readonly network: Network;
  readonly #inputs: DataInputs<D, C>;
  readonly #output: string;
  #regression: LossGradient | undefined;

  /** @throws ArgumentError when it is not clear which output is the value */
  constructor(options: ValueNetworkOptions<D, C>) {
    const { network, output } = options;
    this.network = network;
    this.#inputs = new DataInputs(network.inputs, options);
    this.#output = chooseOutput(network, output);
  }

  /** V at (x, t); shape [n]. */
  async value(x: D, t: Float32Array, conditioning: C): Promise<Float32Array> {
    const { feeds } = this.#inputs.gather(x, t, conditioning);
    return this.values((await this.network.run(feeds))[this.#output]!, x.length);
  }

  /** Gradient of each sample's V with respect to the sample. */
  async gradient(x: D, t: Float32Array, conditioning: C): Promise<D> {
    return (await this.valueAndGradient(x, t, conditioning)).gradient;
  }

  /**
   * V and its gradient from one run.
   * @throws NonFiniteError when the network gives NaN or an infinity
   */
  async valueAndGradient(x: D, t: Float32Array, conditioning: C): Promise<ValueAndGradient<D>> {
    const { feeds, dataNames } = this.#inputs.gather(x, t, conditioning);
    const { outputs, gradients } = await this.network.vjp(feeds, "ones", {
      wrt: dataNames,
      outputs: [this.#output],
      keep: [this.#output],
    });
    const gradient = x.withTensors(dataNames.map((name) => gradients[name]!));
    checkFinite(gradient, "gradient of the value network");
    return { values: this.values(outputs[this.#output]!, x.length), gradient };
  }

  /**
   * Fills the gradients of sum_i w_i (V_i - target_i)^2 with respect to the parameters, by default `network.gradients`.
   * @throws ShapeError when targets or weights are not one a sample; NonFiniteError when the loss is not finite
   */
  async regress(batch: Regression<D, C>): Promise<RegressionResult> {
    const { x, t, conditioning, targets, weights = new Float32Array(x.length).fill(1) } = batch;
    const { feeds } = this.#inputs.gather(x, t, conditioning);
    this.#regression ??= this.network.lossGradient(regressionOf(this.#output), { keep: [this.#output] });
    feeds[targetName] = perSample("targets", targets, x.length);
    feeds[weightName] = perSample("weights", weights, x.length);
    const { loss, outputs } = await this.#regression.run(feeds, batch);
    return { loss, values: this.values(outputs[this.#output]!, x.length) };
  }

  private values({ data, shape }: Tensor, length: number): Float32Array {
    if (data.length !== length || !(data instanceof Float32Array)) {
      throw new ShapeError(
        `The output "${this.#output}" of network "${this.network.graph.name}" has the shape [${shape.join(", ")}] for ${length} samples; a value is one number a sample.`,
        [length],
        shape,
      );
    }
    const sample = firstNonFinite(data);
    if (sample >= 0) {
      throw new NonFiniteError(
        `The value network gives ${data[sample]} for sample ${sample}.`,
        "value network",
        sample,
      );
    }
    return data;
  }
}

function perSample(name: string, data: Float32Array, length: number): Tensor<Float32Array> {
  if (data.length !== length) {
    throw new ShapeError(`regress: ${data.length} ${name} were given for ${length} samples.`, [length], [data.length]);
  }
  return new Tensor(data, [length]);
}

function chooseOutput(network: Network, output: string | undefined): string {
  const { outputs } = network;
  if (output === undefined ? outputs.length !== 1 : !outputs.includes(output)) {
    throw new ArgumentError(
      `ValueNetwork: ${output === undefined ? "say which output is the value" : `there is no output "${output}"`}; the network gives ${outputs.join(", ")}.`,
      "output",
      output,
    );
  }
  return output ?? outputs[0]!;
}

const losses = new Map<string, BuildLoss>();

/** The loss for a value of a given name; always the same function, so that networks that share graphs compile it once. */
function regressionOf(output: string): BuildLoss {
  let build = losses.get(output);
  if (build === undefined) {
    build = (g, outputs) => {
      const values = g.reshape(outputs[output]!, [-1]);
      const error = g.sub(values, g.input(targetName, values.shape));
      return g.reduceSum(g.mul(g.square(error), g.input(weightName, values.shape)));
    };
    losses.set(output, build);
  }
  return build;
}
