import {
  attention,
  conv2d,
  GraphBuilder,
  type GraphValue,
  groupNorm,
  type NetworkDefinition,
  pixelShuffle,
  residualBlock,
  silu,
  sinusoidalTimeEmbedding,
  upsample2d,
} from "@diffusiongym/nn";

/** Height and width of a scene. */
export const sceneSize = 32;

/** Channels at 16 x 16, 8 x 8 and 4 x 4. */
const channels = [48, 80, 112] as const;
const groups = 8;
/** Root mean square of the scenes' pixels in [-1, 1]. */
const dataScale = 0.5;

/**
 * The network of `images/scenes`: a U-Net (arXiv 1505.04597, 2006.11239) that does its work at 16 x 16, 8 x 8 and 4 x 4, because a
 * first convolution takes pixels two by two together and the last one gives them back (arXiv 1609.05158). One residual block a
 * size on either way, attention at the coarsest, 1.5 million parameters. Inputs `x` [N, 3, 32, 32] and `t` [N] in [0, 1];
 * output `output`, a velocity of the optimal-transport path.
 *
 * What it computes is corrected and scaled as arXiv 2206.00364 does, here for x_t = t x1 + (1 - t) x0 and data of root mean square s:
 *
 *     output = c_skip(t) x + c_out(t) F(c_in(t) x, t)
 *     v = t^2 s^2 + (1 - t)^2,   c_in = 1 / sqrt(v),   c_skip = (t s^2 - (1 - t)) / v,   c_out = s / sqrt(v)
 *
 * so that F takes and gives numbers of variance about 1 at every t. `Network.initialize(scenesUnet(), key)` starts it anew, to be
 * trained on pictures of your own.
 */
export function scenesUnet(): NetworkDefinition {
  const g = new GraphBuilder("scenes");
  const x = g.input("x", ["N", 3, sceneSize, sceneSize]);
  const t = g.input("t", ["N"]);
  const time = g.unsqueeze(t, [1, 2, 3]);
  const rest = g.sub(1, time);
  const variance = g.add(g.mul(g.square(time), dataScale ** 2), g.square(rest));
  const scale = g.div(1, g.sqrt(variance));
  const skip = g.div(g.sub(g.mul(time, dataScale ** 2), rest), variance);
  const field = unet(g, g.mul(x, scale), t);
  g.output("output", g.add(g.mul(skip, x), g.mul(g.mul(scale, dataScale), field)));
  return g.build();
}

function unet(g: GraphBuilder, x: GraphValue, t: GraphValue): GraphValue {
  const features = { dim: 64, timeMultiplier: 1000, windowSize: 10_000 };
  const embedding = sinusoidalTimeEmbedding(g, t, { name: "time_embedding", out: 128, ...features });
  const residual = (hidden: GraphValue, name: string, out: number): GraphValue =>
    residualBlock(g, hidden, { name, out, embedding, groups, timeNormalization: "scale_shift" });

  let hidden = conv2d(g, x, { name: "conv_in", out: channels[0], kernel: 4, stride: 2, padding: 1 });
  const skips: GraphValue[] = [];
  channels.forEach((out, level) => {
    if (level > 0) {
      const halve = { name: `down.${level}.halve`, out: channels[level - 1]!, kernel: 3, stride: 2, padding: 1 };
      hidden = conv2d(g, hidden, halve);
    }
    hidden = residual(hidden, `down.${level}.block`, out);
    skips.push(hidden);
  });
  hidden = lookAround(g, residual(hidden, "middle.block", channels[2]));
  for (let level = channels.length - 1; level >= 0; level--) {
    hidden = residual(g.concat([hidden, skips[level]!], 1), `up.${level}.block`, channels[level]!);
    if (level > 0) {
      // One number a channel and pixel is mixed before doubling, where that costs a quarter.
      hidden = upsample2d(g, conv2d(g, hidden, { name: `up.${level}.mix`, out: channels[level - 1]!, kernel: 1 }));
    }
  }
  hidden = silu(g, groupNorm(g, hidden, { name: "norm_out", groups }));
  return pixelShuffle(g, conv2d(g, hidden, { name: "conv_out", out: 3 * 2 ** 2, kernel: 3, padding: 1 }), 2);
}

/** x + attention over all places of the normalised image. */
function lookAround(g: GraphBuilder, x: GraphValue): GraphValue {
  const normalised = groupNorm(g, x, { name: "middle.attention.norm", groups });
  const places = g.transpose(g.reshape(normalised, [0, channels[2], -1]), [0, 2, 1]);
  const mixed = attention(g, places, { name: "middle.attention", heads: 4, headDim: channels[2] / 4 });
  return g.add(x, g.reshapeLike(g.transpose(mixed, [0, 2, 1]), x));
}
