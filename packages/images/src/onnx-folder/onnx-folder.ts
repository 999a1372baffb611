import { FormatError, IncompatibleError } from "@diffusiongym/core";
import { Network, type OpenOptions } from "@diffusiongym/nn";
import { type LoadingOptions, Repository } from "../hub/index.js";
import { type NodeModules, requireNode } from "../platform/index.js";
import { type DeclaredInput, type OnnxHeader, readOnnxHeader } from "./onnx-header.js";

/** A JSON object whose fields are looked at one by one. */
export type JsonRecord = { readonly [name: string]: unknown };

/** Names that exporters give to the file of weights beside `model.onnx`: Optimum's and PyTorch's, and that of diffusers' script. */
const usualWeights = ["model.onnx_data", "model.onnx.data", "weights.pb"];

/**
 * Lengths of the axes of a component's inputs, by name: numbers that must be so, and undefined for those that may be anything.
 * `{ sample: [undefined, 4, 64, 64] }` says that the state has four channels and is 64 x 64.
 */
export type InputLengths = Readonly<Record<string, readonly (number | undefined)[]>>;

/** How a component is opened. */
export interface ComponentOptions extends Omit<OpenOptions, "dims" | "externalData"> {
  /** Lengths that are known; what the file leaves open is fixed to them, so that more can be computed in advance. @default none */
  readonly lengths?: InputLengths;
}

/**
 * A pipeline of diffusers exported to ONNX, as Optimum lays it out: `model_index.json`, a folder with a `model.onnx` for each
 * component (`unet/`, `transformer/`, `vae_decoder/`, `text_encoder/`), with the weights of large ones in a file beside it, and
 * `scheduler/`, `tokenizer/`. From the hub, an address, or disk.
 */
export class OnnxFolder {
  /** What was asked for: a hub id, an address, or a folder. */
  readonly name: string;
  /** Its files. */
  readonly repository: Repository;
  readonly #node: NodeModules;
  #index: JsonRecord | undefined;
  readonly #headers = new Map<string, OnnxHeader>();

  readonly #fetched = new Set<string>();
  readonly #progress: { isTold: boolean };

  private constructor(repository: Repository, node: NodeModules, progress: { isTold: boolean }) {
    this.name = repository.name;
    this.repository = repository;
    this.#node = node;
    this.#progress = progress;
  }

  /**
   * Reads `model_index.json`, where there is one. Of `options.onProgress` only `fetch` makes use.
   * @param source id of a hub repository, address of a folder, or path of one
   * @throws LoadingError when it cannot be had; FormatError when it is none; ArgumentError; AbortError
   */
  static async open(source: string, options: LoadingOptions = {}): Promise<OnnxFolder> {
    const node = requireNode("Loading a model");
    // Small files are read one by one; of them the caller would hear a total each.
    const progress = { isTold: false };
    const { onProgress } = options;
    const repository = await Repository.open(source, {
      ...options,
      ...(onProgress && { onProgress: (told) => progress.isTold && onProgress(told) }),
    });
    const folder = new OnnxFolder(repository, node, progress);
    folder.#index = (await folder.has("model_index.json")) ? await folder.json("model_index.json") : undefined;
    return folder;
  }

  /** Class of the pipeline by `model_index.json`, such as `StableDiffusionPipeline`; undefined without that file. */
  get pipelineClass(): string | undefined {
    const name = this.#index?._class_name;
    return typeof name === "string" ? name : undefined;
  }

  /**
   * Refuses pipelines of other classes than those expected; a folder that does not say of what class it is passes.
   * @param expected classes as Python names them; the prefixes `Onnx` and `ORT` of exported ones are left out
   * @throws IncompatibleError
   */
  requireClass(expected: readonly string[], advice = ""): void {
    const found = this.pipelineClass;
    if (found !== undefined && !expected.includes(found.replace(/^(Onnx|ORT)/, ""))) {
      throw new IncompatibleError(
        `${this.name} is a ${found} by its model_index.json; needed is ${expected.join(" or ")}.${advice && ` ${advice}`}`,
      );
    }
  }

  /** True when a file exists. @throws LoadingError when that cannot be found out */
  has(file: string): Promise<boolean> {
    return this.repository.has(file);
  }

  /** True when the folder of a component holds a network. @throws LoadingError when that cannot be found out */
  hasNetwork(component: string): Promise<boolean> {
    return this.has(modelOf(component));
  }

  /**
   * Downloads the networks of components, and other files, with one progress over them all.
   * @param wanted names of components that must be there, and paths of files
   * @throws LoadingError naming what is missing; FormatError for a network that is none; AbortError
   */
  async fetch({ components, files = [] }: { components: readonly string[]; files?: readonly string[] }): Promise<void> {
    for (const component of components) {
      await this.#requireNetwork(component);
    }
    const beside: string[] = [];
    for (const file of components.flatMap((component) => usualWeights.map((name) => `${component}/${name}`))) {
      if (await this.has(file)) {
        beside.push(file);
      }
    }
    this.#progress.isTold = true;
    try {
      await this.repository.files([...files, ...components.map(modelOf), ...beside]);
    } finally {
      this.#progress.isTold = false;
    }
    for (const component of components) {
      await this.#weights(component);
      this.#fetched.add(component);
    }
  }

  /** What a file holds. @throws LoadingError */
  async text(file: string): Promise<string> {
    const [path] = await this.repository.files([file]);
    return this.#node.fs.readFile(path!, "utf8");
  }

  /** The object that a JSON file holds. @throws LoadingError; FormatError */
  async json(file: string): Promise<JsonRecord> {
    let value: unknown;
    try {
      value = JSON.parse(await this.text(file));
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) {
        throw cause;
      }
      throw new FormatError(`${file} of ${this.name} is no JSON (${cause.message}).`, "diffusers config", file);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new FormatError(
        `${file} of ${this.name} holds ${JSON.stringify(value)} where an object is needed.`,
        "diffusers config",
        file,
      );
    }
    return value as JsonRecord;
  }

  /** A JSON file that may be missing, which is then as good as empty. @throws LoadingError; FormatError */
  async jsonIfThere(file: string): Promise<JsonRecord> {
    return (await this.has(file)) ? this.json(file) : {};
  }

  /** What the network of a component must be given, read without its weights. @throws LoadingError; FormatError */
  async inputsOf(component: string): Promise<readonly DeclaredInput[]> {
    return (await this.#header(component)).inputs;
  }

  /**
   * Opens the network of a component. Its weights may be trained unless `trainable` says otherwise; 16-bit ones are computed
   * with in 32 bits unless `precision` says otherwise.
   * @throws LoadingError; FormatError for a damaged file; IncompatibleError when the inputs are not of the lengths that are known
   */
  async network(component: string, { lengths = {}, ...options }: ComponentOptions = {}): Promise<Network> {
    if (!this.#fetched.has(component)) {
      await this.fetch({ components: [component] });
    }
    const dims = this.#dims(component, await this.inputsOf(component), lengths);
    const [model] = await this.repository.files([modelOf(component)]);
    try {
      return await Network.open(model!, { ...options, dims, externalData: await this.#weights(component) });
    } catch (error) {
      if (error instanceof FormatError) {
        throw new FormatError(
          `${modelOf(component)} of ${this.name}: ${error.message}`,
          error.format,
          error.path ?? model,
        );
      }
      throw error instanceof IncompatibleError
        ? new IncompatibleError(`${modelOf(component)} of ${this.name}: ${error.message}`)
        : error;
    }
  }

  /** Says which folder a component is missing from, when it is. */
  async #requireNetwork(component: string): Promise<void> {
    if (await this.hasNetwork(component)) {
      return;
    }
    const weights = `${component}/diffusion_pytorch_model.safetensors`;
    if (await this.has(weights).catch(() => false)) {
      throw new IncompatibleError(
        `${this.name} has ${weights} but no ${modelOf(component)}: it is a pipeline for PyTorch. Export it once with Python ` +
          `(optimum-cli export onnx --model ${this.name} FOLDER) and give the folder as source.`,
      );
    }
    // Says what was looked for, where, and what to do about it.
    await this.repository.first([modelOf(component)]);
  }

  /** Paths of the files beside a network in which it keeps weights, by the names that it gives them. */
  async #weights(component: string): Promise<Record<string, string>> {
    const { externalFiles } = await this.#header(component);
    // A name that leads elsewhere is refused, with the reason, when the network is opened.
    const names = externalFiles.map((name) => name.replace(/^\.\//, "")).filter((name) => /^[\w-][\w. -]*$/.test(name));
    const paths = await this.repository.files(names.map((name) => `${component}/${name}`));
    return Object.fromEntries(names.map((name, i) => [name, paths[i]!]));
  }

  async #header(component: string): Promise<OnnxHeader> {
    const known = this.#headers.get(component);
    if (known !== undefined) {
      return known;
    }
    const [path] = await this.repository.files([modelOf(component)]);
    const header = await readOnnxHeader(path!, `${modelOf(component)} of ${this.name}`, this.#node);
    this.#headers.set(component, header);
    return header;
  }

  /** Lengths of the file's symbols. */
  #dims(component: string, inputs: readonly DeclaredInput[], lengths: InputLengths): Record<string, number> {
    const dims: Record<string, number> = {};
    for (const { name, shape } of inputs) {
      const known = Object.hasOwn(lengths, name) ? lengths[name]! : [];
      for (const [axis, length] of known.entries()) {
        // Axes without a name are called so when the file is opened.
        const declared = shape[axis] ?? `${name}.${axis}`;
        const fixed = typeof declared === "string" ? dims[declared] : declared;
        if (length === undefined) {
          continue;
        }
        if (known.length !== shape.length || (fixed !== undefined && fixed !== length)) {
          throw new IncompatibleError(
            `${modelOf(component)} of ${this.name} takes "${name}" of shape [${shape.map((entry) => entry ?? "?").join(", ")}]; ` +
              `[${known.map((entry) => entry ?? "?").join(", ")}] is needed.`,
          );
        }
        if (typeof declared === "string") {
          dims[declared] = length;
        }
      }
    }
    return dims;
  }
}

const modelOf = (component: string): string => `${component}/model.onnx`;
