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
import { ByTime, type GaussianMixture, type NoisedMixture, pathPoint } from "../mixture/index.js";

/** States, and what the output there is multiplied with. */
export interface MixtureCotangents {
  readonly x: DDTensor;
  /** Times, shape `[n]`. */
  readonly t: Float32Array;
  /** A mixture has none. */
  readonly conditioning?: NoConditioning;
  /** One vector a state, of the shape of x. */
  readonly cotangents: DDTensor;
}

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
    this.#views = new ByTime((time, last) => {
      const point = pathPoint(this.scheduler, time);
      last?.moveTo(point);
      return last ?? this.mixture.at(point);
    });
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
    this.#check(x, t);
    const d = this.mixture.dimension;
    const out = new Float32Array(x.data.length);
    this.#views.forEach(t, (view, from, to) => {
      view.output(this.outputType, x.data.subarray(from * d, to * d), out.subarray(from * d, to * d));
    });
    return new DDTensor(new Tensor(out, x.shape));
  }

  /**
   * The output at (x, t), and the gradient of `<cotangents, output>` with respect to x: exact, for methods that follow the
   * reward's gradient back through the base model.
   * @throws ShapeError as `forward` does, and when the cotangents are not of the shape of x
   */
  vjp({ x, t, cotangents }: MixtureCotangents): { readonly output: DDTensor; readonly gradient: DDTensor } {
    const output = this.forward(x, t);
    if (cotangents.shape.join() !== x.shape.join()) {
      throw new ShapeError(
        `The cotangents have shape [${cotangents.shape.join(", ")}]; [${x.shape.join(", ")}] is needed, that of the states.`,
        x.shape,
        cotangents.shape,
      );
    }
    const d = this.mixture.dimension;
    const gradient = new Float32Array(x.data.length);
    this.#views.forEach(t, (view, from, to) => {
      const rows = (values: Float32Array): Float32Array => values.subarray(from * d, to * d);
      view.vjp(this.outputType, rows(x.data), rows(cotangents.data), rows(gradient));
    });
    return { output, gradient: new DDTensor(new Tensor(gradient, x.shape)) };
  }

  #check(x: DDTensor, t: Float32Array): void {
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
  }
}
