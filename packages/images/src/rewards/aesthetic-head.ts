import { ArgumentError, FormatError, Tensor } from "@diffusiongym/core";
import { readSafetensors } from "@diffusiongym/nn";
import { convertedPlace } from "../converted/index.js";
import { LoadingError, type LoadingOptions, Repository } from "../hub/index.js";
import { type NodeModules, requireNode } from "../platform/index.js";

/** The linear map from an embedding of length 1 to a score. */
export interface AestheticHead {
  /** Shape [1, d]. */
  readonly weight: Tensor<Float32Array>;
  readonly bias: number;
  /** Where it was found. */
  readonly path: string;
}

const fileName = "aesthetic_head.safetensors";
const format = "aesthetic head";

/**
 * Finds and reads the head: the file that `source` names, or else `aesthetic_head.safetensors` beside CLIP's files, or in the
 * folder `diffusiongym` of the user's cache, where the script that converts it puts it.
 * @param source path, address or hub id of a `.safetensors` file, or of what holds `aesthetic_head.safetensors`
 * @param clip where CLIP's files are
 * @throws LoadingError saying where it was looked for and how to make it; FormatError
 */
export async function loadAestheticHead(
  source: string | undefined,
  clip: Repository,
  options: LoadingOptions,
): Promise<AestheticHead> {
  const node = requireNode("Loading the aesthetic head");
  const path = source === undefined ? await findHead(clip, options, node) : await fetchHead(source, options);
  return readHead(await node.fs.readFile(path), path);
}

async function fetchHead(source: string, options: LoadingOptions): Promise<string> {
  const named = /^(?:(.*)[/\\])?([^/\\]+\.safetensors)$/.exec(source);
  // The revision is that of CLIP's files.
  const { revision: _, ...others } = options;
  const [folder, file] = named === null ? [source, fileName] : [named[1] ?? ".", named[2]!];
  const [path] = await (await Repository.open(folder === "" ? "/" : folder, others)).files([file]);
  return path!;
}

async function findHead(clip: Repository, options: LoadingOptions, node: NodeModules): Promise<string> {
  if (await clip.has(fileName)) {
    return (await clip.files([fileName]))[0]!;
  }
  const place = convertedPlace(fileName, node);
  if (
    await node.fs.stat(place).then(
      (found) => found.isFile(),
      () => false,
    )
  ) {
    return place;
  }
  throw new LoadingError(
    `The head of the aesthetic predictor is neither ${fileName} in ${clip.name} nor ${place}. LAION publishes it as a pickle, ` +
      "which is never read here. Convert it once with Python: download sa_0_4_vit_l_14_linear.pth from " +
      "https://github.com/LAION-AI/aesthetic-predictor and run python tooling/convert/aesthetic_head.py " +
      "sa_0_4_vit_l_14_linear.pth (from diffusiongym's repository), which writes that file; or give its place as headSource. " +
      'Its tensors are "weight" [1, 768] and "bias" [1].' +
      `${options.localFilesOnly ? "" : ' The rewards "images/compression" and "images/brightness" need no files.'}`,
    { failure: "missing", source: clip.name, file: fileName, address: place },
  );
}

function readHead(bytes: Uint8Array, path: string): AestheticHead {
  const { tensors } = readSafetensors(bytes);
  const [weight, bias] = [tensors.get("weight"), tensors.get("bias")];
  const known = Array.from(tensors, ([name, { type, shape }]) => `${name} ${type} [${shape.join(", ")}]`).join("; ");
  if (
    weight === undefined ||
    bias === undefined ||
    !(weight.data instanceof Float32Array) ||
    !(bias.data instanceof Float32Array) ||
    bias.data.length !== 1 ||
    weight.shape.length !== 2 ||
    weight.shape[0] !== 1
  ) {
    throw new FormatError(
      `${path} holds ${known || "nothing"}; the head of the aesthetic predictor is weight F32 [1, d] and bias F32 [1]. ` +
        "tooling/convert/aesthetic_head.py makes such a file.",
      format,
      path,
    );
  }
  const numbers = [...weight.data, ...bias.data];
  if (!numbers.every(Number.isFinite)) {
    throw new FormatError(`${path} holds numbers that are not finite.`, format, path);
  }
  return { weight: new Tensor(Float32Array.from(weight.data), weight.shape), bias: bias.data[0]!, path };
}

/** Refuses a head for embeddings of another length. @throws ArgumentError */
export function requireWidth({ weight, path }: AestheticHead, width: number, clip: string): void {
  if (weight.shape[1] !== width) {
    throw new ArgumentError(
      `The head in ${path} takes embeddings of ${weight.shape[1]} numbers and the CLIP in ${clip} gives ${width}. LAION's ` +
        "heads are for one CLIP each: sa_0_4_vit_l_14_linear is for ViT-L/14, with 768.",
      "headSource",
      path,
    );
  }
}
