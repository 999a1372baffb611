import { fileURLToPath } from "node:url";
import { DDTensor } from "@diffusiongym/core";
import { loadFixture } from "../../../../tooling/test/fixtures.js";

type Prediction = "epsilon" | "v_prediction";
interface Golden {
  readonly prompts: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly embeddings: readonly number[];
  readonly alphaBar: readonly number[];
  readonly x: readonly number[];
  readonly steps: readonly number[];
  readonly scales: readonly number[];
  readonly outputs: readonly number[];
  readonly guided: readonly number[];
  readonly guidedHalf: readonly number[];
  readonly images: readonly number[];
  readonly pictures: readonly number[];
  readonly latents: readonly number[];
  readonly deviations: readonly number[];
  readonly cotangents: readonly number[];
  readonly stateGradient: readonly number[];
  readonly imageCotangents: readonly number[];
  readonly latentGradient: readonly number[];
  readonly noises: readonly number[];
  readonly rollouts: Readonly<Record<Prediction, { latent: readonly number[]; sample: readonly number[] }>>;
}

/** What Python computed of the small Stable Diffusion, in double precision. */
export const golden = await loadFixture<Golden>("packages/images/test/fixtures/tiny-stable-diffusion.json.gz");
/** Where it lies. */
export const pipeline = fileURLToPath(new URL("../fixtures/tiny-stable-diffusion", import.meta.url));
/** Where its U-Net of 16 bits lies. */
export const halfPipeline = fileURLToPath(new URL("../fixtures/tiny-stable-diffusion-half", import.meta.url));
/** Three states. */
export const x = DDTensor.from([...golden.x], [3, 4, 8, 8]);
/** Times at which the table's entries are the golden's steps. */
export const t = Float32Array.from(golden.steps, (step) => 1 - step / 999);
/** What the golden's states are conditioned on. */
export const conditioning = {
  prompt: golden.prompts.slice(0, 3),
  negativePrompt: ["", "", golden.prompts[5]!],
  guidanceScale: [...golden.scales],
};
/** A rounding error of 32-bit arithmetic, in a network of this size. */
export const close = { relative: 1e-4, absolute: 1e-5 };
