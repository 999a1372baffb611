import { ArgumentError, DDTensor, Tensor } from "@diffusiongym/core";
import { type ImageShape, imageShape } from "../pixels/index.js";
import { bicubicResampling, type Resampling, resampleTransposed, resampleTurned } from "./resampling.js";

/** What the image encoder wants to see. */
export interface ClipPreprocessingOptions {
  /** Height and width of what the encoder takes, in pixels. @default 224 */
  readonly size?: number;
  /** Mean of red, green, blue, which is subtracted. @default CLIP's */
  readonly mean?: readonly number[];
  /** Standard deviation of red, green, blue, by which is divided. @default CLIP's */
  readonly deviation?: readonly number[];
}

/**
 * Prepares images for CLIP as the Python reference does, with torchvision on tensors of floats: the shorter side becomes `size` by
 * bicubic interpolation with antialiasing, the square in the middle is kept, and mean and deviation of each colour are taken
 * out. Nothing is rounded to bytes, and values that the interpolation takes beyond [0, 1] stay there: on files, through
 * Pillow, CLIP's own tools do both. So the whole is an affine map, and has a gradient.
 */
export class ClipPreprocessing {
  /** Height and width of the result. */
  readonly size: number;
  readonly #mean: readonly number[];
  readonly #deviation: readonly number[];

  /** @throws ArgumentError */
  constructor({
    size = 224,
    mean = [0.48145466, 0.4578275, 0.40821073],
    deviation = [0.26862954, 0.26130258, 0.27577711],
  }: ClipPreprocessingOptions = {}) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ArgumentError(`The size of CLIP's images must be a whole number >= 1, got ${size}.`, "size", size);
    }
    for (const [name, values] of Object.entries({ mean, deviation })) {
      if (values.length !== 3 || !values.every((value) => Number.isFinite(value) && (name === "mean" || value > 0))) {
        throw new ArgumentError(
          `The ${name} of CLIP's images must be three numbers, got [${values.join(", ")}].`,
          name,
          values,
        );
      }
    }
    this.size = size;
    this.#mean = mean;
    this.#deviation = deviation;
  }

  /**
   * @param images [n, c, h, w]; grey ones are taken as equally red, green and blue
   * @returns shape [n, 3, size, size]
   * @throws ShapeError
   */
  apply(images: DDTensor): Tensor<Float32Array> {
    const shape = imageShape(images);
    const { channels, height, width } = shape;
    const { size } = this;
    const { across, down } = this.#resamplings(shape);
    const out = Tensor.zeros([images.length, 3, size, size]);
    for (let plane = 0; plane < images.length * channels; plane++) {
      const pixels = images.data.subarray(plane * height * width, (plane + 1) * height * width);
      const turned = resampleTurned(pixels, { rows: height, columns: width }, across);
      const resized = resampleTurned(turned, { rows: size, columns: height }, down);
      for (const [colour, target] of colourPlanes(plane, channels)) {
        const [mean, deviation] = [this.#mean[colour]!, this.#deviation[colour]!];
        const start = target * size * size;
        for (let i = 0; i < size * size; i++) {
          out.data[start + i] = (resized[i]! - mean) / deviation;
        }
      }
    }
    return out;
  }

  /**
   * The gradient of <cotangents, apply(images)> with respect to the images, which is the same wherever they are.
   * @param cotangents shape [n, 3, size, size]
   * @returns of the shape of the images
   */
  vjp(images: DDTensor, cotangents: Tensor<Float32Array>): DDTensor {
    const shape = imageShape(images);
    const { channels, height, width } = shape;
    const { size } = this;
    const { across, down } = this.#resamplings(shape);
    const gradient = new Float32Array(images.data.length);
    const resized = new Float64Array(size * size);
    for (let plane = 0; plane < images.length * channels; plane++) {
      resized.fill(0);
      for (const [colour, source] of colourPlanes(plane, channels)) {
        const start = source * size * size;
        for (let i = 0; i < size * size; i++) {
          resized[i]! += cotangents.data[start + i]! / this.#deviation[colour]!;
        }
      }
      const turned = resampleTransposed(resized, { rows: size, columns: height }, down);
      gradient.set(resampleTransposed(turned, { rows: height, columns: width }, across), plane * height * width);
    }
    return new DDTensor(new Tensor(gradient, images.shape));
  }

  #resamplings({ height, width }: ImageShape): { readonly across: Resampling; readonly down: Resampling } {
    const { size } = this;
    const shorter = Math.min(height, width);
    const along = (length: number): Resampling => {
      const resized = length === shorter ? size : Math.trunc((size * length) / shorter);
      return bicubicResampling(length, resized, { start: roundHalfEven((resized - size) / 2), length: size });
    };
    return { across: along(width), down: along(height) };
  }
}

/** The colours that a plane of the images gives, with the planes of the result: one each, or all three of a grey image. */
function colourPlanes(plane: number, channels: number): readonly (readonly [number, number])[] {
  return channels === 1 ? [0, 1, 2].map((colour) => [colour, 3 * plane + colour] as const) : [[plane % 3, plane]];
}

/** Python's rounding: halves to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
