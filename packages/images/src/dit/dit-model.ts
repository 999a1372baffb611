import {
  ArgumentError,
  type DDTensor,
  type ModelInput,
  type SampleStreams,
  Tensor,
  type TrainLossOptions,
} from "@diffusiongym/core";
import type { ModelCloneOptions, Network } from "@diffusiongym/nn";
import {
  drawScales,
  type GuidanceBranches,
  type GuidanceScale,
  type GuidanceScales,
  type GuidedModelOptions,
  readScales,
} from "../guidance/index.js";
import { checkProbability, LatentModel, type LatentModelOptions } from "../latent-model/index.js";
import type { ClassLabel, ClassLabels, ClassNames } from "./class-names.js";

/** What a sample of a diffusion transformer is conditioned on. What is left out of what is given to `sample` is filled in. */
export type DitConditioning = {
  /** A class by number or name: one for all samples, or one a sample. @default drawn from the model's classes */
  readonly classLabel: ClassLabels;
  /** The scale s of the guided output (s + 1) cond - s uncond: one for all samples, or one a sample. @default the model's own */
  readonly guidanceScale: GuidanceScales;
};

/** How a diffusion transformer is guided, and what it draws, by default. */
export interface DitDefaults extends Pick<GuidedModelOptions, "branches" | "checkpoint"> {
  /**
   * Guidance scale of samples that are not given one, or two numbers between which each sample's is drawn; diffusers'
   * `guidance_scale` less 1. @default 0, no guidance
   */
  readonly guidanceScale?: GuidanceScale;
  /** Classes from which those of samples that are not given one are drawn, by number or name. @default all */
  readonly classes?: readonly ClassLabel[];
  /** Probability with which `trainLoss` trains a sample without its class, in [0, 1]. @default 0.1 */
  readonly labelDropout?: number;
}

/** Parts of a `DitModel`. */
export interface DitModelOptions extends LatentModelOptions, DitDefaults {
  readonly classNames: ClassNames;
}

/**
 * A diffusion transformer (arXiv 2212.09748): a diffusion of latents of one class each, with classifier-free guidance, decoded to
 * images in [0, 1]. Its parameters are those of the transformer; the autoencoder stays as it is and is shared by clones.
 */
export class DitModel extends LatentModel<DitConditioning> {
  /** The classes and their names. */
  readonly classNames: ClassNames;
  /** Numbers of the classes from which those of samples are drawn. */
  readonly classes: Int32Array;
  /** Probability with which `trainLoss` trains a sample without its class. */
  readonly labelDropout: number;
  readonly #options: DitModelOptions;

  /** @throws ArgumentError for a scale, classes or a probability that are none */
  constructor(options: DitModelOptions) {
    super(options, options.guidanceScale ?? 0);
    const { classNames, classes } = options;
    if (classes !== undefined && (!Array.isArray(classes) || classes.length === 0)) {
      throw new ArgumentError(
        `classes must be an array of at least one number or name, got ${JSON.stringify(classes)}.`,
        "classes",
        classes,
      );
    }
    this.classNames = classNames;
    this.classes =
      classes === undefined
        ? Int32Array.from({ length: classNames.count }, (_, number) => number)
        : classNames.read(classes.length, classes);
    this.labelDropout = checkProbability("labelDropout", options.labelDropout ?? 0.1);
    this.#options = options;
  }

  /** Noise, and the classes and guidance scales of n samples: given, or drawn from their streams. */
  override async sampleP0(
    n: number,
    streams: SampleStreams,
    conditioning: Partial<DitConditioning>,
  ): Promise<ModelInput<DDTensor, DitConditioning>> {
    const { classLabel, guidanceScale: given } = conditioning;
    const { x } = await super.sampleP0(n, streams, {});
    const drawn = streams.fold("classLabel");
    return {
      x,
      conditioning: {
        classLabel:
          classLabel === undefined
            ? Int32Array.from({ length: n }, (_, i) => this.classes[drawn.at(i).integer(0, this.classes.length)]!)
            : this.classNames.read(n, classLabel),
        guidanceScale: drawScales(n, { given, own: this.guidanceScale, streams }),
      },
    };
  }

  /**
   * The loss of pre-training of the network itself, without guidance, where each sample loses its class with probability
   * `labelDropout`, as guidance needs it.
   * @param options `streams` decide which classes are lost; without them all are kept. Samples without conditioning have none
   */
  override trainLoss(x1: DDTensor, options: TrainLossOptions<DDTensor, DitConditioning> = {}): Promise<Float32Array> {
    const { conditioning, streams } = options;
    const drawn = streams?.fold("dropout");
    const classLabel = this.#classesOf(x1.length, conditioning).map((number, i) =>
      drawn !== undefined && drawn.at(i).uniform() < this.labelDropout ? this.classNames.none : number,
    );
    return super.trainLoss(x1, { ...options, conditioning: { classLabel, guidanceScale: 0 } });
  }

  /** The model with parameters of its own, equal now and free to be trained: all of them, or low-rank adapters. */
  override clone(options: ModelCloneOptions = {}): DitModel {
    return super.clone(options) as DitModel;
  }

  override withNetwork(network: Network): DitModel {
    return new DitModel({ ...this.#options, denoiser: { ...this.#options.denoiser, network } });
  }

  /** What is not in the conditioning is left out: no class, no guidance. */
  protected override branches(x: DDTensor, conditioning: Partial<DitConditioning>): GuidanceBranches {
    const n = x.length;
    const [{ name } = { name: "" }] = this.#options.denoiser.others;
    const none = new Int32Array(n).fill(this.classNames.none);
    return {
      conditional: { [name]: new Tensor(this.#classesOf(n, conditioning), [n]) },
      unconditional: { [name]: new Tensor(none, [n]) },
      scales: readScales(n, conditioning.guidanceScale),
    };
  }

  #classesOf(n: number, conditioning: Partial<DitConditioning> | undefined): Int32Array {
    return this.classNames.read(n, conditioning?.classLabel ?? this.classNames.none);
  }
}
