import { FormatError, IncompatibleError } from "@diffusiongym/core";
import { Network, type NetworkOptions } from "@diffusiongym/nn";
import { type LoadingOptions, Repository } from "../hub/index.js";
import { requireNode } from "../platform/index.js";
import { findTokenizerFiles, readTokenizer } from "../tokenizer/index.js";
import { ClipImageScorer } from "./image-scorer.js";
import { ClipPreprocessing } from "./preprocessing.js";
import { ClipTextEmbedder } from "./text-embedder.js";

/** Which files of a CLIP are used, and how. */
export interface ClipFileOptions {
  /** File of the image encoder. @default "onnx/vision_model.onnx", or "vision_model.onnx" */
  readonly imageEncoder?: string;
  /** File of the text encoder. @default "onnx/text_model.onnx", or "text_model.onnx" */
  readonly textEncoder?: string;
  /** Images in one run of the encoder; gradients are taken one image at a time. @default 4 */
  readonly batchSize?: number;
}

/** Where CLIP's files are, as far as a spec may say it. */
export interface ClipSourceOptions extends ClipFileOptions {
  /**
   * Id of a hub repository, address of a folder, or path of one, laid out as the default is: ONNX files in `onnx/` or beside the
   * configuration. @default "Xenova/clip-vit-large-patch14"
   */
  readonly source?: string;
  /** Branch, tag or commit of a hub repository. @default "main" */
  readonly revision?: string;
  /** Address of the hub or of a mirror. @default HF_ENDPOINT, or https://huggingface.co */
  readonly endpoint?: string;
  /** Folder of the cache. @default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub */
  readonly cacheDirectory?: string;
  /** Never use the network. @default true when HF_HUB_OFFLINE is set, else false */
  readonly localFilesOnly?: boolean;
}

/** CLIP ViT-L/14 of OpenAI as ONNX files: 1.2 GB for images, 0.5 GB for texts. */
export const defaultClip = "Xenova/clip-vit-large-patch14";

/** Options of `loadClip`. */
export interface ClipLoadingOptions extends ClipFileOptions, LoadingOptions, NetworkOptions {
  /** Whether the text encoder and the tokenizer are loaded too. @default false */
  readonly texts?: boolean;
}

/** A CLIP whose files are there. */
export interface Clip {
  readonly repository: Repository;
  readonly images: ClipImageScorer;
  /** Undefined unless texts were asked for. */
  readonly texts: ClipTextEmbedder | undefined;
}

/**
 * Loads a CLIP from ONNX files: `onnx/vision_model.onnx` and, for texts, `onnx/text_model.onnx` with `tokenizer.json`, or
 * `vocab.json` and `merges.txt`; `preprocessor_config.json` and `config.json` where they are. All with their projections.
 * @param source id of a hub repository, address of a folder, or path of one
 * @throws LoadingError when a file cannot be had; FormatError or IncompatibleError when it is of something else; AbortError
 */
export async function loadClip(source: string, options: ClipLoadingOptions = {}): Promise<Clip> {
  const { fs } = requireNode("Loading CLIP");
  const repository = await Repository.open(source, options);
  const vision = await repository.first(candidates(options.imageEncoder, "vision_model.onnx"));
  const text = options.texts ? await repository.first(candidates(options.textEncoder, "text_model.onnx")) : undefined;
  const tokens = text === undefined ? {} : await findTokenizerFiles(repository);
  const beside: string[] = [];
  const extras = [vision, text].flatMap((model) => (model === undefined ? [] : [`${model}_data`, `${model}.data`]));
  for (const file of ["preprocessor_config.json", "config.json", ...extras]) {
    if (await repository.has(file)) {
      beside.push(file);
    }
  }
  const wanted = [vision, ...(text === undefined ? [] : [text]), ...Object.values(tokens), ...beside];
  const paths = new Map((await repository.files(wanted)).map((path, i) => [wanted[i]!, path]));
  const readText = async (file: string | undefined): Promise<string | undefined> =>
    file !== undefined && paths.has(file) ? fs.readFile(paths.get(file)!, "utf8") : undefined;
  const open = (file: string): Promise<Network> =>
    Network.open(paths.get(file)!, {
      trainable: "none",
      ...(options.engine && { engine: options.engine }),
      ...(options.signal && { signal: options.signal }),
    });
  const config = readObject(await readText("config.json"), "config.json", repository.name);
  const preprocessor = readObject(
    await readText("preprocessor_config.json"),
    "preprocessor_config.json",
    repository.name,
  );
  const images = new ClipImageScorer({
    encoder: await open(vision),
    preprocessing: readPreprocessing(preprocessor, config),
    file: `${vision} of ${repository.name}`,
    ...(options.batchSize !== undefined && { batchSize: options.batchSize }),
  });
  if (text === undefined) {
    return { repository, images, texts: undefined };
  }
  const contents = await Promise.all(
    Object.entries(tokens).map(async ([role, file]) => [role, await readText(file)] as const),
  );
  const tokenizer = readTokenizer(Object.fromEntries(contents));
  const vocabularySize = objectOf(config.text_config).vocab_size;
  if (typeof vocabularySize === "number" && tokenizer.vocabularySize > vocabularySize) {
    throw new IncompatibleError(
      `The tokenizer of ${repository.name} knows ${tokenizer.vocabularySize} tokens and its text encoder ${vocabularySize} ` +
        "(vocab_size in config.json); they are not of one model.",
    );
  }
  const texts = new ClipTextEmbedder({ encoder: await open(text), tokenizer, file: `${text} of ${repository.name}` });
  return { repository, images, texts };
}

type JsonObject = { readonly [name: string]: unknown };

const candidates = (given: string | undefined, name: string): readonly string[] =>
  given === undefined ? [`onnx/${name}`, name] : [given];

/** Size, mean and deviation by the files, where they say them; CLIP's own else. */
function readPreprocessing(preprocessor: JsonObject, config: JsonObject): ClipPreprocessing {
  const { crop_size: crop, image_mean: mean, image_std: deviation } = preprocessor;
  const size = [crop, objectOf(crop).height, objectOf(config.vision_config).image_size].find(
    (value) => typeof value === "number",
  );
  return new ClipPreprocessing({
    ...(typeof size === "number" && { size }),
    ...(Array.isArray(mean) && { mean: mean as number[] }),
    ...(Array.isArray(deviation) && { deviation: deviation as number[] }),
  });
}

const objectOf = (value: unknown): JsonObject =>
  typeof value === "object" && value !== null ? (value as JsonObject) : {};

function readObject(text: string | undefined, file: string, name: string): JsonObject {
  try {
    return objectOf(JSON.parse(text ?? "{}"));
  } catch (cause) {
    throw new FormatError(`${file} of ${name} is no JSON (${(cause as Error).message}).`, "CLIP config", file);
  }
}
