import {
  type DDTensor,
  IncompatibleError,
  type Presentation,
  type PresentationRequest,
  type PresentedFigure,
  type PresentedFile,
  type ShownSamples,
} from "@diffusiongym/core";
import { encodeAnimation, encodeGrid } from "../pictures/index.js";
import { imageShape } from "../pixels/index.js";

/** Images of a group in the report and in its grid; large ones, wider than `largeWidth` pixels, are fewer. */
const shownCount = 64;
const largeCount = 16;
const largeWidth = 128;
/** Most paths of the moving picture, and how wide it may be in pixels. */
const pathCount = 16;
const animationWidth = 512;
/** Image files of their own, where samples of one model are written. */
const fileCount = 1000;

/**
 * Images as people look at them: a grid of each model's samples, every image with its reward, and the way from noise to
 * image as a moving picture; where one model's samples are written, every image as a file of its own too.
 */
export async function presentImages(request: PresentationRequest): Promise<Presentation> {
  const files: PresentedFile[] = [];
  const walls: string[] = [];
  const animations: string[] = [];
  const alone = request.groups.length === 1;
  for (const group of request.groups) {
    const name = alone ? "samples" : group.role;
    const images = imagesOf(group);
    if (images.length === 0) {
      continue;
    }
    files.push({ name: `${name}.png`, bytes: await encodeGrid(images.slice(0, countOf(images))) });
    walls.push(await wall(group, images, request.rewardId));
    const frames = await animate(group, request);
    if (frames !== undefined) {
      files.push({ name: `${name}.webp`, bytes: frames });
      animations.push(captioned(picture(frames, "webp", `${group.title}, from noise to image`), group.title));
    }
    if (alone) {
      for (let i = 0; i < Math.min(images.length, fileCount); i++) {
        const bytes = await encodeGrid(images.at(i), { scale: 1, gap: 0 });
        files.push({ name: `images/${String(i).padStart(4, "0")}.png`, bytes });
      }
    }
  }
  return { files, figures: [...samplesFigure(walls, request), ...pathsFigure(animations)] };
}

function samplesFigure(walls: readonly string[], { groups, rewardId }: PresentationRequest): PresentedFigure[] {
  const same = groups.length > 1 ? "; images at the same place began from the same noise" : "";
  const judged = rewardId === "any/zero" ? "" : ` The number under an image is its reward, ${rewardId}.`;
  return walls.length === 0
    ? []
    : [
        {
          title: "Samples",
          caption: `The first samples of ${groups.length > 1 ? "each model" : "the model"}${same}.${judged}`,
          html: `${style}<div class="dg-walls">${walls.join("")}</div>`,
        },
      ];
}

function pathsFigure(animations: readonly string[]): PresentedFigure[] {
  return animations.length === 0
    ? []
    : [
        {
          title: "From noise to image",
          caption: "What the model's postprocessing makes of the state at each time, for a few samples.",
          html: `<div class="dg-walls">${animations.join("")}</div>`,
        },
      ];
}

/** The samples of a group. @throws IncompatibleError for data that is no batch of images */
function imagesOf({ samples }: ShownSamples): DDTensor {
  const images = samples.sample as DDTensor;
  if (images.tensors().length !== 1) {
    throw new IncompatibleError("Only batches of images [n, c, h, w] can be shown as images.");
  }
  imageShape(images);
  return images;
}

async function wall({ samples, title }: ShownSamples, images: DDTensor, rewardId: string): Promise<string> {
  const { width } = imageShape(images);
  const format = width > largeWidth ? "jpeg" : "png";
  const tiles: string[] = [];
  for (let i = 0; i < Math.min(images.length, countOf(images)); i++) {
    const reward = rewardId === "any/zero" ? "" : samples.valids[i] === 1 ? readable(samples.rewards[i]!) : "invalid";
    // Small images are enlarged pixel by pixel here: not every viewer keeps their edges.
    const bytes = await encodeGrid(images.at(i), { scale: enlargement(width), gap: 0, format });
    tiles.push(captioned(picture(bytes, format, `${title}, sample ${i}`), reward));
  }
  return `<section><h3>${escapeText(title)}</h3><div class="dg-wall">${tiles.join("")}</div></section>`;
}

async function animate(
  { samples, paths }: ShownSamples,
  { baseModel }: PresentationRequest,
): Promise<Uint8Array | undefined> {
  if (paths === undefined || !paths.has("trajectory") || paths.length === 0) {
    return undefined;
  }
  const { width } = imageShape(samples.sample as DDTensor);
  const columns = Math.max(1, Math.floor(animationWidth / (width * enlargement(width))));
  const shown = paths.slice(0, Math.min(pathCount, columns ** 2));
  return encodeAnimation(shown.trajectory as readonly DDTensor[], {
    toImages: (state) => baseModel.postprocess(state, shown.conditioning),
  });
}

const style =
  "<style>.dg-walls{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:16px}" +
  ".dg-walls h3{font-size:1rem;margin:.4em 0}.dg-wall{display:grid;grid-template-columns:repeat(auto-fill,minmax(56px,1fr));gap:6px}" +
  ".dg-walls figure{margin:0}.dg-walls img{width:100%;height:auto;display:block;image-rendering:pixelated}" +
  ".dg-walls figcaption{font-size:.72rem;text-align:center;font-variant-numeric:tabular-nums}</style>";

function captioned(content: string, caption: string): string {
  return `<figure>${content}${caption === "" ? "" : `<figcaption>${escapeText(caption)}</figcaption>`}</figure>`;
}

/** How many images of a group are shown. */
function countOf(images: DDTensor): number {
  return imageShape(images).width > largeWidth ? largeCount : shownCount;
}

/** Pixels of the picture for one of the image. */
function enlargement(width: number): number {
  return Math.max(1, Math.round(96 / width));
}

function picture(bytes: Uint8Array, format: "png" | "jpeg" | "webp", description: string): string {
  return `<img alt="${escapeText(description)}" src="data:image/${format};base64,${base64(bytes)}">`;
}

function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  // In parts, because the arguments of a call are limited in number.
  for (let from = 0; from < bytes.length; from += 8192) {
    parts.push(String.fromCharCode(...bytes.subarray(from, from + 8192)));
  }
  return btoa(parts.join(""));
}

function readable(reward: number): string {
  return (Math.abs(reward) >= 100 ? reward.toFixed(0) : reward.toFixed(2)).replace("-", "−");
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
