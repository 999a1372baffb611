import type { DiffusionData } from "@diffusiongym/core";
import { Adam, clipGlobalNorm, type LearningRateSchedule } from "@diffusiongym/nn";
import type { RowChunk } from "../endpoint-regression/index.js";
import { fingerprint, type Json, scheduleIdentity, underPrefix, withPrefix } from "../method/index.js";
import type { TrainableValue } from "../value-matching/index.js";

/** A network that learns the mean of a number given x_t, beside the policy: a baseline that depends on the state. */
export class LearnedBaseline<D extends DiffusionData<D>, C extends object> {
  readonly #value: TrainableValue<D, C>;
  readonly #optimizer: Adam;

  readonly #rateIdentity: Json;

  /** @param updates how often `update` is called in all */
  constructor(value: TrainableValue<D, C>, learningRate: LearningRateSchedule, updates: number) {
    this.#value = value;
    this.#optimizer = new Adam(value.network.parameters, { learningRate });
    this.#rateIdentity = scheduleIdentity(learningRate, updates);
  }

  /** What identifies it in a checkpoint. */
  describe(): Json {
    const { graph } = this.#value.network;
    return { network: graph === undefined ? null : fingerprint(graph.nodes), learningRate: this.#rateIdentity };
  }

  /**
   * The baseline at the rows of a chunk before the update, and the gradient that pulls it towards the targets.
   * @param weights of the rows, which sum to 1 over all chunks
   */
  async regress(
    { xt: x, t, conditioning, from }: RowChunk<D, C>,
    targets: Float32Array,
    weights: Float32Array,
  ): Promise<{ readonly values: Float32Array; readonly loss: number }> {
    const { loss, values } = await this.#value.regress({ x, t, conditioning, targets, weights, accumulate: from > 0 });
    return { loss, values: values ?? (await this.#value.value(x, t, conditioning)) };
  }

  /** One update with the gradients that `regress` left. */
  update(): void {
    clipGlobalNorm(this.#value.network.gradients, 1);
    this.#optimizer.update(this.#value.network.gradients);
  }

  state(prefix: string): { readonly arrays: [string, Float32Array][]; readonly step: number } {
    const { step, arrays } = this.#optimizer.state();
    return {
      arrays: [
        ...withPrefix(`${prefix}/network`, this.#value.network.parameters.state()),
        ...withPrefix(`${prefix}/optimizer`, arrays),
      ],
      step,
    };
  }

  restore(prefix: string, arrays: ReadonlyMap<string, Float32Array>, step: number): void {
    this.#value.network.parameters.restore(underPrefix(`${prefix}/network`, arrays));
    this.#optimizer.restore({ step, arrays: underPrefix(`${prefix}/optimizer`, arrays) });
  }
}
