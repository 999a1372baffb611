import { type AnyData, DDTensor, IncompatibleError, RandomKey } from "@diffusiongym/core";
import { Network, ValueNetwork, type ValueNetworkRequest, valueCnn } from "@diffusiongym/nn";

/** A convolutional value network whose stages halve the image until it is about 4 pixels wide. */
export async function imageValueNetwork({
  baseModel,
  key,
  engine,
  width = 32,
  depth,
  initialValue = 0,
}: ValueNetworkRequest): Promise<ValueNetwork<AnyData, object>> {
  const { x } = await baseModel.sampleP0(1, RandomKey.fromSeed(0).streams(), {});
  if (!(x instanceof DDTensor) || x.shape.length !== 4) {
    throw new IncompatibleError("The value network of images needs batches [n, c, h, w].");
  }
  const [, inChannels, height, columns] = x.shape as [number, number, number, number];
  const stages = depth ?? Math.max(2, Math.floor(Math.log2(Math.min(height, columns) / 4)) + 1);
  // Whole groups of the norms.
  const whole = (features: number): number => 4 * Math.max(1, Math.round(features / 4));
  const widths = Array.from({ length: stages }, (_, stage) => whole(stage === 0 ? width / 2 : width));
  const network = Network.initialize(valueCnn({ inChannels, size: [height, columns], widths, initialValue }), key, {
    engine,
  });
  return new ValueNetwork<AnyData, object>({ network, inputs: ["x"] });
}
