import { ArgumentError, requireKnown } from "@diffusiongym/core";
import { type ActivationName, activationNames, type TimeNormalization } from "../../layers/index.js";
import type { ImageSize } from "../image-size.js";

/** Blocks of the way down: residual blocks, with attention or not, then halving by a convolution or a residual block. */
export const downBlockTypes = ["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"] as const;

/** Blocks of the way up: residual blocks, with attention or not, then doubling with a convolution or a residual block. */
export const upBlockTypes = ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"] as const;

export type DownBlockType = (typeof downBlockTypes)[number];
export type UpBlockType = (typeof upBlockTypes)[number];

/**
 * Configuration of `unet2d`: the arguments of diffusers' `UNet2DModel`, with its defaults and its meanings. They are spelled
 * in camel case because everything here is; each is the other's spelling letter by letter (`blockOutChannels` is
 * `block_out_channels`), and `readUnet2dConfig` takes a `config.json` as it is.
 */
export interface Unet2dConfig {
  /** Height and width of the images, or one number for both. @default any, decided by each run */
  readonly sampleSize?: ImageSize | null;
  /** @default 3 */
  readonly inChannels?: number;
  /** @default 3 */
  readonly outChannels?: number;
  /** Takes images in [0, 1] to [-1, 1] first. @default false */
  readonly centerInputSample?: boolean;
  /**
   * Sines and cosines of the time; of its logarithm, where times must be above 0 and the output is divided by them; or a
   * trained row a step. @default "positional"
   */
  readonly timeEmbeddingType?: "positional" | "fourier" | "learned";
  /** Length of the time embedding. @default 4 blockOutChannels[0] */
  readonly timeEmbeddingDim?: number | null;
  /** See `frequencyShift` of `sinusoidalFeatures`. @default 0 */
  readonly freqShift?: number;
  /** Cosines first. @default true */
  readonly flipSinToCos?: boolean;
  /** One a resolution, finest first. @default DownBlock2D, then three times AttnDownBlock2D */
  readonly downBlockTypes?: readonly DownBlockType[];
  /** `null` for none. @default "UNetMidBlock2D" */
  readonly midBlockType?: "UNetMidBlock2D" | null;
  /** One a resolution, coarsest first. @default three times AttnUpBlock2D, then UpBlock2D */
  readonly upBlockTypes?: readonly UpBlockType[];
  /** Channels at each resolution, finest first. @default [224, 448, 672, 896] */
  readonly blockOutChannels?: readonly number[];
  /** Residual blocks a resolution on the way down; the way up has one more. @default 2 */
  readonly layersPerBlock?: number;
  /** What the sums in the middle block are divided by. @default 1 */
  readonly midBlockScaleFactor?: number;
  /** Zeros around an image that is halved; 0 pads at its end alone. @default 1 */
  readonly downsamplePadding?: number;
  /** How blocks with attention halve; the others always do by `"conv"`. @default "conv" */
  readonly downsampleType?: "conv" | "resnet";
  /** How blocks with attention double; the others always do with `"conv"`. @default "conv" */
  readonly upsampleType?: "conv" | "resnet";
  /** Networks of this package have no dropout: 0 is the only value. @default 0 */
  readonly dropout?: 0;
  /** Activation of the residual blocks. @default "silu" */
  readonly actFn?: ActivationName;
  /** Channels of one head of attention; `null` for one head of all channels. @default 8 */
  readonly attentionHeadDim?: number | null;
  /** Groups of all group norms. @default 32 */
  readonly normNumGroups?: number;
  /** Groups of the norm before the attention of the middle. @default normNumGroups, or no norm where times scale and shift */
  readonly attnNormNumGroups?: number | null;
  /** Added to variances. @default 1e-5 */
  readonly normEps?: number;
  /** See `timeNormalization` of `residualBlock`. @default "default" */
  readonly resnetTimeScaleShift?: TimeNormalization;
  /** Whether the middle block has attention. @default true */
  readonly addAttention?: boolean;
  /**
   * What the input `classLabels` [N] is: with `null` indices of trained rows (needs `numClassEmbeds`), with `"timestep"` a
   * number embedded as times are, with `"identity"` the embedding itself, [N, timeEmbeddingDim]. @default null
   */
  readonly classEmbedType?: "timestep" | "identity" | null;
  /** Number of classes. @default null, and with `classEmbedType` null no input `classLabels` */
  readonly numClassEmbeds?: number | null;
  /** Number of steps of a learned time embedding. @default none */
  readonly numTrainTimesteps?: number | null;
  /** Factor of the input `t`: 1000 for checkpoints of 1000 steps used with times in [0, 1]. Not diffusers'. @default 1 */
  readonly timeMultiplier?: number;
}

/** A configuration without gaps. */
export type CompleteUnet2dConfig = { readonly [Key in keyof Unet2dConfig]-?: Exclude<Unet2dConfig[Key], undefined> };

/** Every option with its default; `null` where the default depends on others. */
const defaults: CompleteUnet2dConfig = {
  sampleSize: null,
  inChannels: 3,
  outChannels: 3,
  centerInputSample: false,
  timeEmbeddingType: "positional",
  timeEmbeddingDim: null,
  freqShift: 0,
  flipSinToCos: true,
  downBlockTypes: ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
  midBlockType: "UNetMidBlock2D",
  upBlockTypes: ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
  blockOutChannels: [224, 448, 672, 896],
  layersPerBlock: 2,
  midBlockScaleFactor: 1,
  downsamplePadding: 1,
  downsampleType: "conv",
  upsampleType: "conv",
  dropout: 0,
  actFn: "silu",
  attentionHeadDim: 8,
  normNumGroups: 32,
  attnNormNumGroups: null,
  normEps: 1e-5,
  resnetTimeScaleShift: "default",
  addAttention: true,
  classEmbedType: null,
  numClassEmbeds: null,
  numTrainTimesteps: null,
  timeMultiplier: 1,
};

/** Names of all options. */
export const unet2dOptionNames = Object.keys(defaults) as readonly (keyof Unet2dConfig)[];

/**
 * The configuration with every default filled in.
 * @throws ArgumentError naming the first option that is unknown, or whose value makes no network
 */
export function completeUnet2dConfig(config: Unet2dConfig): CompleteUnet2dConfig {
  for (const name of Object.keys(config)) {
    requireKnown("unet2d: unknown option", name, unet2dOptionNames, name);
  }
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
  const complete: CompleteUnet2dConfig = { ...defaults, ...given };
  requireTypes(complete);
  requireWords(complete);
  requireNumbers(complete);
  return complete;
}

/** For callers without types, and for files: what has a default that is not `null` is of its kind. */
function requireTypes(config: CompleteUnet2dConfig): void {
  const kindOf = (value: unknown): string =>
    Array.isArray(value)
      ? "list"
      : Number.isNaN(value) || Math.abs(value as number) === Infinity
        ? "NaN"
        : typeof value;
  for (const name of unet2dOptionNames) {
    const needed = kindOf(defaults[name]);
    if (defaults[name] !== null && config[name] !== null && kindOf(config[name]) !== needed) {
      throw new ArgumentError(
        `unet2d: ${name} is ${JSON.stringify(config[name])}; it must be a ${needed}.`,
        name,
        config[name],
      );
    }
  }
}

function requireWords(config: CompleteUnet2dConfig): void {
  const word = (name: keyof Unet2dConfig, known: readonly string[]): void =>
    requireKnown(`unet2d: ${name} cannot be`, config[name] as string, known, name);
  word("timeEmbeddingType", ["positional", "fourier", "learned"]);
  word("downsampleType", ["conv", "resnet"]);
  word("upsampleType", ["conv", "resnet"]);
  word("resnetTimeScaleShift", ["default", "scale_shift"]);
  word("actFn", activationNames);
  if (config.midBlockType !== null) {
    word("midBlockType", ["UNetMidBlock2D"]);
  }
  if (config.classEmbedType !== null) {
    word("classEmbedType", ["timestep", "identity"]);
  }
  for (const block of config.downBlockTypes) {
    requireKnown("unet2d: downBlockTypes has the unknown block", block, downBlockTypes, "downBlockTypes");
  }
  for (const block of config.upBlockTypes) {
    requireKnown("unet2d: upBlockTypes has the unknown block", block, upBlockTypes, "upBlockTypes");
  }
}

function requireNumbers(config: CompleteUnet2dConfig): void {
  const fail = (name: keyof Unet2dConfig, needs: string): never => {
    throw new ArgumentError(`unet2d: ${name} is ${JSON.stringify(config[name])}; it ${needs}.`, name, config[name]);
  };
  const counts = ["inChannels", "outChannels", "layersPerBlock", "normNumGroups"] as const;
  for (const name of counts) {
    if (!Number.isInteger(config[name]) || config[name] < 1) {
      fail(name, "must be a whole number above 0");
    }
  }
  const optional = ["timeEmbeddingDim", "attentionHeadDim", "attnNormNumGroups", "numClassEmbeds", "numTrainTimesteps"];
  for (const name of optional as (keyof Unet2dConfig)[]) {
    const value = config[name];
    if (value !== null && (!Number.isInteger(value) || Number(value) < 1)) {
      fail(name, "must be a whole number above 0, or null");
    }
  }
  const { blockOutChannels: channels, downsamplePadding, normNumGroups } = config;
  if (channels.length === 0 || !channels.every((count) => Number.isInteger(count) && count > 0)) {
    fail("blockOutChannels", "must list whole numbers above 0");
  }
  if (channels.some((count) => count % normNumGroups !== 0)) {
    fail("blockOutChannels", `must list multiples of normNumGroups, ${normNumGroups}`);
  }
  for (const name of ["downBlockTypes", "upBlockTypes"] as const) {
    if (config[name].length !== channels.length) {
      fail(name, `must have an entry for each of the ${channels.length} blockOutChannels`);
    }
  }
  if (!Number.isInteger(downsamplePadding) || downsamplePadding < 0) {
    fail("downsamplePadding", "must be a whole number, 0 or above");
  }
  if (config.dropout !== 0) {
    fail("dropout", "must be 0: networks of this package have none (in use the weights do the same without)");
  }
  if (config.timeEmbeddingType === "learned" && config.numTrainTimesteps === null) {
    fail("numTrainTimesteps", "must be given for a learned time embedding");
  }
  requireSampleSize(config, fail);
}

function requireSampleSize(
  { sampleSize, blockOutChannels }: CompleteUnet2dConfig,
  fail: (name: keyof Unet2dConfig, needs: string) => never,
): void {
  const factor = 2 ** (blockOutChannels.length - 1);
  const sizes = sampleSize === null ? [] : typeof sampleSize === "number" ? [sampleSize] : sampleSize;
  if (!sizes.every((size) => Number.isInteger(size) && size > 0 && size % factor === 0)) {
    fail(
      "sampleSize",
      `must be a multiple of ${factor}, because the image is halved ${blockOutChannels.length - 1} times`,
    );
  }
}
