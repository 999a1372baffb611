import {
  BaseModel,
  DDTensor,
  type ModelInput,
  type NoConditioning,
  OptimalTransport,
  type OutputType,
  type SampleStreams,
  type Scheduler,
  ShapeError,
  Tensor,
} from "@diffusiongym/core";
import { ByTime, type GaussianMixture, type NoisedMixture } from "../mixture/index.js";

/** What a {@link GaussianMixtureModel} is made of. */
export interface GaussianMixtureModelOptions {
  /** The law that the model generates. */
  readonly mixture: GaussianMixture;
  /** alpha and beta of the path. @default new OptimalTransport() */
  readonly scheduler?: Scheduler;
  /** What `forward` returns. @default "velocity" */
  readonly outputType?: OutputType;
}

/**
 * A "pre-trained" model without a network: the exact velocity, epsilon, endpoint or score of a Gaussian mixture in d
 * dimensions. Data are points, shape `[n, d]`; starting states are standard normal.
 */
export class GaussianMixtureModel extends BaseModel<DDTensor, NoConditioning> {
  readonly mixture: GaussianMixture;
  override readonly scheduler: Scheduler;
  override readonly outputType: OutputType;
  readonly #views: ByTime<NoisedMixture>;

  constructor(options: GaussianMixtureModelOptions) {
    super();
    this.mixture = options.mixture;
    this.scheduler = options.scheduler ?? new OptimalTransport();
    this.outputType = options.outputType ?? "velocity";
    this.#views = new ByTime((time) => this.mixture.atTime(this.scheduler, time));
  }

  /** n standard normal points. */
  sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
    return { x: DDTensor.randn(n, [this.mixture.dimension], streams), conditioning: {} };
  }

  /**
   * The exact output at (x, t), computed in double precision and rounded.
   * @throws ShapeError when the samples are not points of the mixture's dimension or the times not one a sample
   */
  forward(x: DDTensor, t: Float32Array): DDTensor {
    const d = this.mixture.dimension;
    if (x.data.length !== x.length * d) {
      throw new ShapeError(
        `The mixture's points have ${d} coordinate(s), but samples of shape [${x.sampleShape.join(", ")}] were given.`,
        [d],
        x.sampleShape,
      );
    }
    if (t.length !== x.length) {
      throw new ShapeError(
        `${t.length} times for ${x.length} samples; one a sample is needed.`,
        [x.length],
        [t.length],
      );
    }
    const out = new Float32Array(x.data.length);
    this.#views.forEach(t, (view, from, to) => {
      view.output(this.outputType, x.data.subarray(from * d, to * d), out.subarray(from * d, to * d));
    });
    return new DDTensor(new Tensor(out, x.shape));
  }
}
