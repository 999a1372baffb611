import {
  ArgumentError,
  alphaBarFromBetas,
  Diffusion,
  didYouMean,
  FormatError,
  linearBetas,
  type OutputType,
  scaledLinearBetas,
  squaredCosineBetas,
} from "@diffusiongym/core";
import { type JsonObject, parseObject } from "./json-object.js";

/** What a network of diffusers was trained to return. */
export type Prediction = "epsilon" | "sample" | "v_prediction";

/** What `scheduler_config.json` says of the model; the rest of it is about samplers, of which core has its own. */
export interface SchedulerConfig {
  /** The path that the model was trained on. */
  readonly scheduler: Diffusion;
  /** What the network returns. */
  readonly prediction: Prediction;
  /**
   * What a base model made of the network returns: `epsilon`; `endpoint` for `sample`; and for `v_prediction`, where
   * v = alpha x0 - beta x1, `endpoint` as well, by x1 = alpha x - beta v.
   */
  readonly outputType: OutputType;
  /** What the file asks of its own sampler and is not done here, in words. */
  readonly notes: readonly string[];
}

/** Schedulers that run along a table of betas; they differ in how they sample, not in the model. */
const tableSchedulers = [
  "DDIMInverseScheduler",
  "DDIMParallelScheduler",
  "DDIMScheduler",
  "DDPMParallelScheduler",
  "DDPMScheduler",
  "DEISMultistepScheduler",
  "DPMSolverMultistepInverseScheduler",
  "DPMSolverMultistepScheduler",
  "DPMSolverSDEScheduler",
  "DPMSolverSinglestepScheduler",
  "EulerAncestralDiscreteScheduler",
  "EulerDiscreteScheduler",
  "HeunDiscreteScheduler",
  "KDPM2AncestralDiscreteScheduler",
  "KDPM2DiscreteScheduler",
  "LMSDiscreteScheduler",
  "PNDMScheduler",
  "UniPCMultistepScheduler",
];

/** Shapes of the table, by diffusers' name. */
const tables: Readonly<Record<string, (fields: Fields) => Diffusion>> = {
  linear: (fields) => Diffusion.linear(rangeOf(fields)),
  scaled_linear: (fields) => Diffusion.scaledLinear(rangeOf(fields)),
  squaredcos_cap_v2: (fields) => Diffusion.squaredCosine({ steps: fields.number("num_train_timesteps", 1000) }),
};
const betas: Readonly<Record<string, (fields: Fields) => Float64Array>> = {
  linear: (fields) => linearBetas(rangeOf(fields)),
  scaled_linear: (fields) => scaledLinearBetas(rangeOf(fields)),
  squaredcos_cap_v2: (fields) => squaredCosineBetas({ steps: fields.number("num_train_timesteps", 1000) }),
};

/**
 * Reads the path of a model from its `scheduler_config.json`: the schedules linear, scaled_linear, squaredcos_cap_v2 or
 * trained betas, with or without rescaling to zero terminal signal (arXiv 2305.08891).
 * @param text what the file holds
 * @param file its name, for messages
 * @throws FormatError for what is no such file, for paths that are no table of betas (flow matching, EDM), for learned variances
 */
export function readSchedulerConfig(text: string, file = "scheduler_config.json"): SchedulerConfig {
  const fields = new Fields(parseObject(text, file), file);
  const className = fields.word("_class_name", "DDPMScheduler");
  if (!tableSchedulers.includes(className)) {
    throw fields.refusal(
      `is of a ${className}${didYouMean(className, tableSchedulers)} Only schedulers along a table of betas can be read: ` +
        tableSchedulers.join(", "),
    );
  }
  const variance = fields.word("variance_type", "fixed_small");
  if (variance.startsWith("learned")) {
    throw fields.refusal(
      `has variance_type "${variance}": the network returns a variance besides its prediction, which is not supported`,
    );
  }
  const prediction = fields.word("prediction_type", "epsilon") as Prediction;
  const outputType = ({ epsilon: "epsilon", sample: "endpoint", v_prediction: "endpoint" } as const)[prediction];
  if (outputType === undefined) {
    throw fields.refusal(`has prediction_type "${prediction}"; known are epsilon, sample and v_prediction`);
  }
  const scheduler = readTable(fields, prediction);
  return { scheduler, prediction, outputType, notes: notesOf(fields) };
}

function readTable(fields: Fields, prediction: Prediction): Diffusion {
  const trained = fields.value("trained_betas") ?? null;
  const schedule = fields.word("beta_schedule", "linear");
  const rescale = fields.flag("rescale_betas_zero_snr");
  if (trained === null && tables[schedule] === undefined) {
    throw fields.refusal(
      `has beta_schedule "${schedule}"${didYouMean(schedule, Object.keys(tables))} Known are ${Object.keys(tables).join(", ")}, and trained_betas`,
    );
  }
  if (rescale && prediction === "epsilon") {
    throw fields.refusal(
      "rescales the betas to zero terminal signal, where the noise says nothing about the image, and yet predicts epsilon",
    );
  }
  try {
    if (trained === null && !rescale) {
      return tables[schedule]!(fields);
    }
    const table = alphaBarFromBetas(trained === null ? betas[schedule]!(fields) : fields.numbers("trained_betas"));
    return new Diffusion(rescale ? zeroTerminalSignal(table) : table);
  } catch (cause) {
    if (cause instanceof ArgumentError) {
      throw fields.refusal(`makes no table of alpha-bars (${cause.message})`);
    }
    throw cause;
  }
}

/** Shifts and scales sqrt(alpha-bar) so that its first entry stays and its last is 0 (arXiv 2305.08891, algorithm 1). */
function zeroTerminalSignal(table: Float64Array): Float64Array {
  const first = Math.sqrt(table[0]!);
  const last = Math.sqrt(table.at(-1)!);
  return table.map((value) => ((Math.sqrt(value) - last) * (first / (first - last))) ** 2);
}

function rangeOf(fields: Fields): { steps: number; betaStart: number; betaEnd: number } {
  return {
    steps: fields.number("num_train_timesteps", 1000),
    betaStart: fields.number("beta_start", 0.0001),
    betaEnd: fields.number("beta_end", 0.02),
  };
}

function notesOf(fields: Fields): string[] {
  const notes: string[] = [];
  if (fields.flag("clip_sample")) {
    notes.push(
      "clip_sample: diffusers' sampler limits its estimate of the image at every step; the SDE here does not.",
    );
  }
  if (fields.flag("thresholding")) {
    notes.push("thresholding: diffusers' sampler rescales bright estimates at every step; the SDE here does not.");
  }
  if (fields.value("set_alpha_to_one") === false) {
    notes.push(
      "set_alpha_to_one is false: diffusers' last step ends at the table's first entry; the SDE here ends at the image.",
    );
  }
  return notes;
}

/** The file's fields, with the defaults of diffusers. */
class Fields {
  constructor(
    private readonly object: JsonObject,
    private readonly file: string,
  ) {}

  value(name: string): unknown {
    return this.object[name];
  }

  word(name: string, byDefault: string): string {
    const value = this.object[name] ?? byDefault;
    return typeof value === "string" ? value : this.wrong(name, "a word");
  }

  number(name: string, byDefault: number): number {
    const value = this.object[name] ?? byDefault;
    return typeof value === "number" ? value : this.wrong(name, "a number");
  }

  numbers(name: string): readonly number[] {
    const value = this.object[name];
    return Array.isArray(value) && value.every((entry) => typeof entry === "number")
      ? (value as number[])
      : this.wrong(name, "an array of numbers");
  }

  flag(name: string): boolean {
    const value = this.object[name] ?? false;
    return typeof value === "boolean" ? value : this.wrong(name, "true or false");
  }

  refusal(complaint: string): FormatError {
    return new FormatError(`${this.file} ${complaint}.`, "diffusers config", this.file);
  }

  private wrong(name: string, needed: string): never {
    throw this.refusal(`has ${name} ${JSON.stringify(this.object[name])}; it must be ${needed}`);
  }
}
