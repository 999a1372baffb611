import type { Sample } from "../environments/index.js";
import type { MaybePromise } from "../models/index.js";
import type { AnyBaseModel, AnyData } from "./entries.js";

/** Samples of one model that are to be shown. */
export interface ShownSamples {
  /** Whose samples they are. */
  readonly role: "base" | "adapted";
  /** The model in words, for a caption. */
  readonly title: string;
  /** What `postprocess` made of the latents, with the rewards and whether each could be judged. */
  readonly samples: {
    readonly sample: AnyData;
    readonly rewards: Float32Array;
    readonly valids: Uint8Array;
    readonly conditioning?: object;
  };
  /** A few of the same samples with their `trajectory`, where paths were recorded. */
  readonly paths: Sample<AnyData, object> | undefined;
}

/** What is to be shown: samples of one model, or of the base model and the adapted one. */
export interface PresentationRequest {
  readonly groups: readonly ShownSamples[];
  /** The model that both come from; its `postprocess` makes samples of the paths' states. */
  readonly baseModel: AnyBaseModel;
  /** Id of the reward; `"any/zero"` where there is none. */
  readonly rewardId: string;
}

/** A file of its own, such as a grid of pictures. */
export interface PresentedFile {
  /** Name within the folder of the results. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A part of a report. */
export interface PresentedFigure {
  readonly title: string;
  /** One or two sentences on what is seen. */
  readonly caption: string;
  /** Markup that needs nothing from outside: pictures and scripts are within. It is taken into the page as it is. */
  readonly html: string;
}

/** Samples made visible. */
export interface Presentation {
  readonly files: readonly PresentedFile[];
  readonly figures: readonly PresentedFigure[];
}

/**
 * What a modality brings besides models and rewards, so that tools which know only data can treat its data well; every part
 * may be missing. Other packages add parts by declaration merging: `@diffusiongym/nn` adds the value network.
 */
export interface ModalityKit {
  /** Makes samples visible: files beside the numbers, and figures of a report. */
  readonly present?: (request: PresentationRequest) => MaybePromise<Presentation>;
}
