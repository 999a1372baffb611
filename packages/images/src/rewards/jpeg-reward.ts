import { ArgumentError, allValid, type DDTensor, type Reward, type RewardResult } from "@diffusiongym/core";
import { checkRange, imageShape, pixelBytes } from "../pixels/index.js";
import { loadSharp, type Sharp } from "../platform/index.js";

/** Options of `images/compression` and `images/incompression`. */
export interface JpegRewardOptions {
  /** JPEG quality, a whole number from 1 to 100. @default 85 */
  readonly quality?: number;
}

/** Images that are encoded at the same time; sharp spreads them over the threads that Node has for such work. */
const encodedAtOnce = 8;
/** Bytes of the JFIF header that a JPEG file begins with, and that sharp leaves out. */
const headerBytes = 18;

/**
 * Bits per pixel of the JPEG file of each image: 8 bytes / (width * height). Baseline, chroma halved in both directions
 * (4:2:0), optimised Huffman tables, JFIF header. The bytes are those that libjpeg-turbo and Pillow write.
 * @param images [n, c, h, w] in [0, 1], one or three channels
 * @throws ShapeError; NonFiniteError or ArgumentError naming the sample whose value is outside [0, 1]; MissingPackageError
 */
export async function jpegBitsPerPixel(
  images: DDTensor,
  { quality = 85 }: JpegRewardOptions = {},
): Promise<Float32Array> {
  requireQuality(quality);
  const { height, width } = imageShape(images);
  checkRange(images);
  const sharp = await loadSharp("The JPEG rewards");
  const bits = new Float32Array(images.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < images.length; i = next++) {
      bits[i] = ((await jpegBytes(sharp, images, i, quality)) * 8) / (height * width);
    }
  };
  await Promise.all(Array.from({ length: Math.min(encodedAtOnce, images.length) }, work));
  return bits;
}

async function jpegBytes(sharp: Sharp, images: DDTensor, index: number, quality: number): Promise<number> {
  const { channels, height, width } = imageShape(images);
  const image = sharp(pixelBytes(images, index), { raw: { width, height, channels: channels as 1 | 3 } });
  const jpeg = await (channels === 1 ? image.toColourspace("b-w") : image)
    .jpeg({ quality, chromaSubsampling: "4:2:0", optimiseCoding: true, mozjpeg: false })
    .toBuffer();
  // The marker APP0 follows the start of the image where there is a header.
  return jpeg.length + (jpeg[2] === 0xff && jpeg[3] === 0xe0 ? 0 : headerBytes);
}

function requireQuality(quality: number): void {
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new ArgumentError(
      `quality must be a whole number from 1 to 100, got ${String(quality)}.`,
      "quality",
      quality,
    );
  }
}

abstract class JpegReward implements Reward<DDTensor, object> {
  /** Sign of the bits per pixel in the reward. */
  protected abstract readonly sign: 1 | -1;
  readonly #quality: number;

  /** @throws ArgumentError when the quality is no whole number from 1 to 100 */
  constructor({ quality = 85 }: JpegRewardOptions = {}) {
    requireQuality(quality);
    this.#quality = quality;
  }

  /** Every image can be judged. @throws as `jpegBitsPerPixel` */
  async evaluate(images: DDTensor): Promise<RewardResult> {
    const bits = await jpegBitsPerPixel(images, { quality: this.#quality });
    return { rewards: bits.map((value) => this.sign * value), valids: allValid(images.length) };
  }
}

/** Minus the bits per pixel of the JPEG file: images that compress well, smooth and plain, are good. */
export class CompressionReward extends JpegReward {
  protected readonly sign = -1;
}

/** The bits per pixel of the JPEG file: images full of detail are good. */
export class IncompressionReward extends JpegReward {
  protected readonly sign = 1;
}
