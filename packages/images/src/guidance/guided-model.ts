import { DDTensor, type MaybePromise, type OutputType, type Scheduler, ShapeError, Tensor } from "@diffusiongym/core";
import {
  type LossGradient,
  type LossRunOptions,
  type NamedTensors,
  type Network,
  NetworkModel,
  type NetworkModelOptions,
  type OutputCotangents,
  type OutputRegression,
} from "@diffusiongym/nn";
import { guidedSquaredError, lossInputs } from "./guided-loss.js";
import { addRows, branchRows, gatherRows, planRuns, type Row, samplesOf } from "./rows.js";

/** What the network is given under each branch, and how much guidance each sample gets. */
export interface GuidanceBranches {
  /** Tensors for the network's inputs beside state and time, by name; one row a sample. */
  readonly conditional: NamedTensors;
  /** The same for nothing, or for what is not wanted; one row a sample. */
  readonly unconditional: NamedTensors;
  /** Guidance scale of each sample, shape [n]; 0 for none. */
  readonly scales: Float32Array;
}

/** Parts of a `GuidedModel`. */
export interface GuidedModelOptions {
  readonly network: Network;
  /** The input that takes the state. */
  readonly stateInput: string;
  /** The input that takes the step. */
  readonly timeInput: string;
  readonly outputType: OutputType;
  readonly scheduler: Scheduler;
  /** Channels, height and width of a state. */
  readonly sampleShape: readonly [number, number, number];
  /**
   * True when the network takes one time for all samples of a run: samples at different times are then worked through one
   * time after another. @default false
   */
  readonly oneTime?: boolean;
  /**
   * How the two branches of guidance are computed: `"together"` in one batch of twice the size, or `"apart"` in two runs,
   * in half the memory. @default "together"
   */
  readonly branches?: "together" | "apart";
  /** Compute parts of the network twice in place of keeping them when gradients are taken. @default keep all */
  readonly checkpoint?: NetworkModelOptions<DDTensor, object>["checkpoint"];
}

/**
 * A model with classifier-free guidance (arXiv 2207.12598): its output is (s + 1) cond - s uncond, the scale s being each sample's
 * own. diffusers' `guidance_scale` is s + 1: 7.5 there is 6.5 here, and 0 here is the network's own output under its
 * condition. All derivatives are those of the guided output. The weights sum to 1, so that guidance of one output type is
 * guidance of every other.
 *
 * A branch whose weight in a sample is 0 is not computed for it.
 */
export abstract class GuidedModel<C extends object> extends NetworkModel<DDTensor, C> {
  /** Channels, height and width of a state. */
  readonly sampleShape: readonly [number, number, number];
  /** The network alone, row by row. */
  readonly #rows: NetworkModel<DDTensor, NamedTensors>;
  readonly #options: GuidedModelOptions;
  #regression: LossGradient | undefined;

  constructor(options: GuidedModelOptions) {
    const { network, outputType, scheduler, sampleShape: start } = options;
    const shared = { network, outputType, scheduler, start, inputs: [options.stateInput], time: options.timeInput };
    super(shared);
    this.sampleShape = start;
    this.#options = options;
    const { checkpoint } = options;
    this.#rows = new NetworkModel({
      ...shared,
      conditioning: (feeds) => feeds,
      ...(checkpoint !== undefined && { checkpoint }),
    });
  }

  /** What the network is given for n samples under each branch. */
  protected abstract branches(x: DDTensor, conditioning: C): MaybePromise<GuidanceBranches>;

  /** The guided output at (x, t). */
  override async forward(x: DDTensor, t: Float32Array, conditioning: C): Promise<DDTensor> {
    const { runs, feeds } = await this.#plan(x, t, conditioning);
    const guided = new Float32Array(x.data.length);
    for (const rows of runs) {
      const { data } = await this.#rows.forward(rowsOf(x, rows), timesOf(t, rows), feeds(rows));
      addRows(guided, data, rows, true);
    }
    return new DDTensor(new Tensor(guided, x.shape));
  }

  override async vjp(
    batch: OutputCotangents<DDTensor, C>,
  ): Promise<{ readonly output: DDTensor; readonly gradient: DDTensor }> {
    const { x, t, conditioning } = batch;
    const { runs, feeds } = await this.#plan(x, t, conditioning);
    const [output, gradient] = [new Float32Array(x.data.length), new Float32Array(x.data.length)];
    for (const rows of runs) {
      const made = await this.#rows.vjp(this.#cotangents(rows, batch, feeds));
      addRows(output, made.output.data, rows, true);
      addRows(gradient, made.gradient.data, rows, false);
    }
    return { output: new DDTensor(new Tensor(output, x.shape)), gradient: new DDTensor(new Tensor(gradient, x.shape)) };
  }

  override async backward(
    batch: OutputCotangents<DDTensor, C> & LossRunOptions,
  ): Promise<{ readonly output: DDTensor }> {
    const { x, t, conditioning, accumulate = false, into = this.network.gradients } = batch;
    const { runs, feeds } = await this.#plan(x, t, conditioning);
    const output = new Float32Array(x.data.length);
    for (const [index, rows] of runs.entries()) {
      const made = await this.#rows.backward({
        ...this.#cotangents(rows, batch, feeds),
        accumulate: accumulate || index > 0,
        into,
      });
      addRows(output, made.output.data, rows, true);
    }
    return { output: new DDTensor(new Tensor(output, x.shape)) };
  }

  override async regress(
    batch: OutputRegression<DDTensor, C>,
  ): Promise<{ readonly loss: number; readonly output: DDTensor }> {
    const { x, t, conditioning, targets, weights, reduction = "mean", accumulate = false, into } = batch;
    const { runs, feeds, scales } = await this.#plan(x, t, conditioning);
    const entries = x.data.length / Math.max(x.length, 1);
    const share = x.onesLike().scale(reduction === "mean" ? 1 / entries : 1);
    const shares = share.scale(weights);
    if (this.#options.branches === "apart" && scales.some((scale) => scale !== 0)) {
      return this.#regressApart(batch, shares);
    }
    // All rows of a sample are in one run.
    const output = this.network.outputs[0]!;
    const { checkpoint } = this.#options;
    this.#regression ??= this.network.lossGradient(guidedSquaredError(output, entries), {
      keep: [output],
      ...(checkpoint !== undefined && { checkpoint }),
    });
    const guided = new Float32Array(x.data.length);
    let total = 0;
    for (const [index, rows] of runs.entries()) {
      const samples = [...new Set(rows.map(({ sample }) => sample))];
      const mix = Tensor.zeros([samples.length, rows.length]);
      rows.forEach(({ sample, weight }, row) => {
        mix.data[samples.indexOf(sample) * rows.length + row] = weight;
      });
      const { loss, outputs } = await this.#regression.run(
        {
          ...feeds(rows),
          [this.#options.stateInput]: rowsOf(x, rows).tensor,
          [this.#options.timeInput]: this.#steps(timesOf(t, rows)),
          [lossInputs.mix]: mix,
          [lossInputs.targets]: gatherRows(targets.tensor, samples).reshape([samples.length, entries]),
          [lossInputs.weights]: gatherRows(shares.tensor, samples).reshape([samples.length, entries]),
        },
        { accumulate: accumulate || index > 0, ...(into && { into }) },
      );
      total += loss;
      addRows(guided, outputs[output]!.data as Float32Array, rows, true);
    }
    return { loss: total, output: new DDTensor(new Tensor(guided, x.shape)) };
  }

  /** As `regress`, by one run forward and one back for each branch. */
  async #regressApart(
    { x, t, conditioning, targets, accumulate = false, into }: OutputRegression<DDTensor, C>,
    shares: DDTensor,
  ): Promise<{ readonly loss: number; readonly output: DDTensor }> {
    const output = await this.forward(x, t, conditioning);
    const error = output.sub(targets);
    const pulled = error.mul(shares);
    const loss = pulled.data.reduce((sum, value, i) => sum + value * error.data[i]!, 0);
    await this.backward({ x, t, conditioning, cotangents: pulled.scale(2), accumulate, ...(into && { into }) });
    return { loss, output };
  }

  async #plan(
    x: DDTensor,
    t: Float32Array,
    conditioning: C,
  ): Promise<{ runs: readonly Row[][]; feeds: (rows: readonly Row[]) => NamedTensors; scales: Float32Array }> {
    if (t.length !== x.length) {
      throw new ShapeError(`${t.length} times were given for ${x.length} samples.`, [x.length], [t.length]);
    }
    const { conditional, unconditional, scales } = await this.branches(x, conditioning);
    const { branches, oneTime = false } = this.#options;
    return {
      runs: planRuns({ scales, t, separate: branches === "apart", oneTime }),
      feeds: (rows) => branchRows({ conditional, unconditional }, rows),
      scales,
    };
  }

  #cotangents(
    rows: readonly Row[],
    { x, t, cotangents }: { x: DDTensor; t: Float32Array; cotangents: DDTensor },
    feeds: (rows: readonly Row[]) => NamedTensors,
  ): OutputCotangents<DDTensor, NamedTensors> {
    const weights = Float32Array.from(rows, ({ weight }) => weight);
    return {
      x: rowsOf(x, rows),
      t: timesOf(t, rows),
      conditioning: feeds(rows),
      cotangents: rowsOf(cotangents, rows).scale(weights),
    };
  }

  #steps(t: Float32Array): Tensor {
    return new Tensor(
      Float32Array.from(t, (time) => this.#options.scheduler.modelInput(time)),
      [t.length],
    );
  }
}

const rowsOf = (data: DDTensor, rows: readonly Row[]): DDTensor =>
  new DDTensor(gatherRows(data.tensor, samplesOf(rows)));

const timesOf = (t: Float32Array, rows: readonly Row[]): Float32Array =>
  Float32Array.from(rows, ({ sample }) => t[sample]!);
