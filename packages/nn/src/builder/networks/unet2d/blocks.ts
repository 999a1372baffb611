import { ArgumentError } from "@diffusiongym/core";
import type { GraphBuilder, GraphValue } from "../../graph/index.js";
import { attention, channelsOf, conv2d, groupNorm, residualBlock, upsample2d } from "../../layers/index.js";
import type { CompleteUnet2dConfig } from "./config.js";

/** What every block of one network shares. */
export interface BlockContext {
  readonly g: GraphBuilder;
  readonly config: CompleteUnet2dConfig;
  /** Of time and class, [N, timeEmbeddingDim]. */
  readonly embedding: GraphValue;
}

/** A residual block with the settings of the configuration. */
function residual(
  { g, config, embedding }: BlockContext,
  x: GraphValue,
  options: {
    readonly name: string;
    readonly out?: number;
    readonly resample?: "down" | "up";
    readonly outputScale?: number;
  },
): GraphValue {
  return residualBlock(g, x, {
    ...options,
    embedding,
    timeNormalization: config.resnetTimeScaleShift,
    groups: config.normNumGroups,
    epsilon: config.normEps,
    activation: config.actFn,
  });
}

interface AttentionBlockOptions {
  readonly name: string;
  /** Groups of the norm before, `null` for none. */
  readonly groups: number | null;
  readonly outputScale?: number;
}

/** x + attention over all pixels of the normalised image. */
function attentionBlock({ g, config }: BlockContext, x: GraphValue, options: AttentionBlockOptions): GraphValue {
  const { name, groups, outputScale = 1 } = options;
  const channels = channelsOf(x, name);
  const headDim = config.attentionHeadDim ?? channels;
  if (headDim > channels) {
    throw new ArgumentError(
      `unet2d: attentionHeadDim is ${headDim}, more than the ${channels} channels of ${name}.`,
      "attentionHeadDim",
      headDim,
    );
  }
  const normalised =
    groups === null ? x : groupNorm(g, x, { name: `${name}.group_norm`, groups, epsilon: config.normEps });
  const pixels = g.transpose(g.reshape(normalised, [0, channels, -1]), [0, 2, 1]);
  const mixed = attention(g, pixels, { name, heads: Math.floor(channels / headDim), headDim });
  return g.div(g.add(g.reshapeLike(g.transpose(mixed, [0, 2, 1]), x), x), outputScale);
}

/** Where a block stands in the network. */
export interface BlockOptions {
  /** Its index from the start of its way. */
  readonly index: number;
  /** Channels of its result. */
  readonly out: number;
  /** Whether it is the last of its way, which keeps the size. */
  readonly isLast: boolean;
}

/** One resolution of the way down: what it hands on is the last of what it leaves for the way up. */
export function downBlock(context: BlockContext, x: GraphValue, { index, out, isLast }: BlockOptions): GraphValue[] {
  const { g, config } = context;
  const name = `down_blocks.${index}`;
  const type = config.downBlockTypes[index]!;
  const skips: GraphValue[] = [];
  let hidden = x;
  for (let layer = 0; layer < config.layersPerBlock; layer++) {
    hidden = residual(context, hidden, { name: `${name}.resnets.${layer}`, out });
    if (type === "AttnDownBlock2D") {
      hidden = attentionBlock(context, hidden, { name: `${name}.attentions.${layer}`, groups: config.normNumGroups });
    }
    skips.push(hidden);
  }
  if (!isLast) {
    const byBlock =
      type === "ResnetDownsampleBlock2D" || (type === "AttnDownBlock2D" && config.downsampleType === "resnet");
    hidden = byBlock
      ? residual(context, hidden, { name: `${name}.downsamplers.0`, out, resample: "down" })
      : conv2d(g, hidden, { name: `${name}.downsamplers.0.conv`, out, kernel: 3, stride: 2, ...halving(config) });
    skips.push(hidden);
  }
  return skips;
}

/** Padding 0 stands for a zero at the end of each axis, which keeps halves whole. */
function halving({ downsamplePadding }: CompleteUnet2dConfig): { padding: number; endPadding: number } {
  return { padding: downsamplePadding, endPadding: downsamplePadding === 0 ? 1 : downsamplePadding };
}

/** The coarsest resolution: attention between two residual blocks. */
export function midBlock(context: BlockContext, x: GraphValue): GraphValue {
  const { config } = context;
  const outputScale = config.midBlockScaleFactor;
  let hidden = residual(context, x, { name: "mid_block.resnets.0", outputScale });
  if (config.addAttention) {
    const plain = config.resnetTimeScaleShift === "default";
    const groups = config.attnNormNumGroups ?? (plain ? config.normNumGroups : null);
    hidden = attentionBlock(context, hidden, { name: "mid_block.attentions.0", groups, outputScale });
  }
  return residual(context, hidden, { name: "mid_block.resnets.1", outputScale });
}

/** One resolution of the way up. @param skips what the way down left; those used are taken off its end */
export function upBlock(
  context: BlockContext,
  x: GraphValue,
  { index, out, isLast, skips }: BlockOptions & { readonly skips: GraphValue[] },
): GraphValue {
  const { g, config } = context;
  const name = `up_blocks.${index}`;
  const type = config.upBlockTypes[index]!;
  let hidden = x;
  for (let layer = 0; layer <= config.layersPerBlock; layer++) {
    const joined = g.concat([hidden, skips.pop()!], 1);
    hidden = residual(context, joined, { name: `${name}.resnets.${layer}`, out });
    if (type === "AttnUpBlock2D") {
      hidden = attentionBlock(context, hidden, { name: `${name}.attentions.${layer}`, groups: config.normNumGroups });
    }
  }
  if (isLast) {
    return hidden;
  }
  const byBlock = type === "ResnetUpsampleBlock2D" || (type === "AttnUpBlock2D" && config.upsampleType === "resnet");
  return byBlock
    ? residual(context, hidden, { name: `${name}.upsamplers.0`, out, resample: "up" })
    : conv2d(g, upsample2d(g, hidden), { name: `${name}.upsamplers.0.conv`, out, kernel: 3, padding: 1 });
}
