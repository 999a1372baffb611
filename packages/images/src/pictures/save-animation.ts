import {
  ArgumentError,
  checkFinite,
  type DDTensor,
  type MaybePromise,
  requireKnown,
  ShapeError,
} from "@diffusiongym/core";
import { type Canvas, drawGrid, type GridOptions } from "../pixels/index.js";
import { loadSharp, requireNode, writeBeside } from "../platform/index.js";
import { ending } from "./encode.js";

/** Options of `encodeAnimation` and `saveAnimation`. */
export interface AnimationOptions extends GridOptions {
  /**
   * Makes images of a state, such as `(state) => model.postprocess(state, {})`; what is outside [0, 1] is limited to it.
   * @default nothing
   */
  readonly toImages?: (state: DDTensor) => MaybePromise<DDTensor>;
  /** How long each frame is seen, in milliseconds. @default 60 */
  readonly frameMs?: number;
  /** How long the last frame is seen, in milliseconds. @default 1500 */
  readonly lastFrameMs?: number;
  /** At most so many frames, evenly chosen, the first and the last among them. @default 60 */
  readonly maxFrames?: number;
}

/** Formats of moving pictures. */
export type AnimationFormat = "webp" | "gif";

const formats: readonly string[] = ["webp", "gif"] satisfies AnimationFormat[];

/**
 * A trajectory as a moving picture, from noise to image, repeated without end.
 * @param states batches [n, c, h, w] of one shape, in the order of time, such as `sample.trajectory`
 * @returns the bytes of the picture's file
 * @throws ShapeError, ArgumentError; NonFiniteError; MissingPackageError where sharp is not installed
 */
export async function encodeAnimation(
  states: readonly DDTensor[],
  options: AnimationOptions & { /** @default "webp" */ readonly format?: AnimationFormat } = {},
): Promise<Uint8Array> {
  const { toImages, frameMs = 60, lastFrameMs = 1500, maxFrames = 60, format = "webp", ...grid } = options;
  for (const [name, value, least] of [
    ["maxFrames", maxFrames, 2],
    ["frameMs", frameMs, 10],
    ["lastFrameMs", lastFrameMs, 10],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new ArgumentError(`${name} must be a whole number >= ${least}, got ${String(value)}.`, name, value);
    }
  }
  if (states.length === 0) {
    throw new ArgumentError(
      'There is no frame. Record the trajectory: sample(n, { record: ["trajectory"] }).',
      "states",
      states.length,
    );
  }
  const frames: Canvas[] = [];
  for (const state of chosen(states, maxFrames)) {
    const images = (await toImages?.(state)) ?? state;
    checkFinite(images, "A frame");
    frames.push(drawGrid(images, grid));
  }
  return encodeFrames(frames, format === "gif", [...frames.slice(1).map(() => frameMs), lastFrameMs]);
}

/**
 * Saves a trajectory as a moving picture: `.webp` or `.gif`. Written beside and renamed; Node only.
 * @param states batches [n, c, h, w] of one shape, in the order of time, such as `sample.trajectory`
 * @param path of the file; its folder is made
 * @throws as `encodeAnimation`, and for a path that names no such format or cannot be written
 */
export async function saveAnimation(
  states: readonly DDTensor[],
  path: string,
  options: AnimationOptions = {},
): Promise<void> {
  const node = requireNode("Saving a moving picture");
  const format = ending(path);
  requireKnown("Moving pictures cannot be written as", format, formats, "path");
  const bytes = await encodeAnimation(states, { ...options, format: format as AnimationFormat });
  await writeBeside(node, node.path.resolve(path), bytes);
}

async function encodeFrames(frames: readonly Canvas[], gif: boolean, delay: number[]): Promise<Uint8Array> {
  const sharp = await loadSharp("Pictures");
  const { width, height } = frames[0]!;
  const size = width * height * 3;
  const data = new Uint8Array(size * frames.length);
  for (const [k, frame] of frames.entries()) {
    if (frame.width !== width || frame.height !== height) {
      throw new ShapeError(
        `The frames of a moving picture must have one size; frame ${k} is ${frame.width} x ${frame.height} and the first ` +
          `${width} x ${height}.`,
      );
    }
    data.set(frame.data, k * size);
  }
  const image = sharp(data, { raw: { width, height: height * frames.length, channels: 3, pageHeight: height } });
  return gif
    ? image.gif({ loop: 0, delay, colours: 256 }).toBuffer()
    : image.webp({ loop: 0, delay, quality: 90, effort: 3 }).toBuffer();
}

/** At most so many of the items, evenly spaced, with both ends. */
function chosen<T>(items: readonly T[], most: number): readonly T[] {
  return items.length <= most
    ? items
    : Array.from({ length: most }, (_, k) => items[Math.round((k * (items.length - 1)) / (most - 1))]!);
}
