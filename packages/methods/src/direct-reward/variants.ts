import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import { directRewardCitations } from "./citations.js";
import { Draft, type DraftOptions } from "./draft.js";

/**
 * DRaFT-LV (arXiv 2309.17400, section 3; METHODS 1.6): the gradient of the last step, averaged over `noisings` fresh noisings of
 * the end state (2 by default), for less variance at the price of a step each. Everything else is `Draft`'s, the missing
 * anchor included.
 */
export class DraftLowVariance<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> extends Draft<
  D,
  C
> {
  override readonly name: string = "draft-lv";
  protected override readonly title: string = "DRaFT-LV";

  /** @throws ArgumentError for an option out of range */
  constructor(options: Omit<DraftOptions<D, C>, "truncation" | "klWeight">) {
    super({ noisings: 2, ...options });
  }
}

/**
 * AlignProp (Prabhudesai et al., arXiv 2310.03739; METHODS 1.6): back-propagation through a number of last steps that is drawn
 * anew for each iteration, which keeps early steps in view without their exploding gradients. Everything else is `Draft`'s, the
 * missing anchor included. Use LoRA for large models (`ModelPolicy` over a LoRA clone).
 */
export class AlignProp<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> extends Draft<D, C> {
  override readonly name: string = "align-prop";
  protected override readonly title: string = "AlignProp";

  /** @throws ArgumentError for an option out of range */
  constructor(options: Omit<DraftOptions<D, C>, "noisings">) {
    super({ truncation: "random", ...options });
  }

  override cite(): string {
    return directRewardCitations.alignProp;
  }
}
