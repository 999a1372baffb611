import {
  allValid,
  DDTensor,
  type DifferentiableReward,
  type RewardGradient,
  type RewardResult,
  Tensor,
} from "@diffusiongym/core";
import { checkRange, imageShape } from "../pixels/index.js";

/** The mean over the pixels of a weighted sum of the channels: linear, so its gradient is the same everywhere. */
abstract class ChannelReward implements DifferentiableReward<DDTensor, object> {
  /** Weight of each channel of images that have so many. */
  protected abstract weights(channels: number): readonly number[];
  /** Numbers of channels that make sense. */
  protected abstract readonly channels: readonly number[];

  /** @throws ShapeError; NonFiniteError or ArgumentError naming the sample whose value is outside [0, 1] */
  evaluate(images: DDTensor): RewardResult {
    const { channels, height, width } = imageShape(images, this.channels);
    checkRange(images);
    const pixels = height * width;
    const weights = this.weights(channels);
    const rewards = Float32Array.from({ length: images.length }, (_, i) => {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) {
        const plane = (i * channels + channel) * pixels;
        let total = 0;
        for (let pixel = plane; pixel < plane + pixels; pixel++) {
          total += images.data[pixel]!;
        }
        sum += weights[channel]! * total;
      }
      return sum / pixels;
    });
    return { rewards, valids: allValid(images.length) };
  }

  /** The rewards and their gradient, weight / pixels. @throws as `evaluate` */
  gradient(images: DDTensor): RewardGradient<DDTensor> {
    const { channels, height, width } = imageShape(images, this.channels);
    const pixels = height * width;
    const weights = this.weights(channels);
    const gradient = new Float32Array(images.data.length);
    for (let plane = 0; plane < images.length * channels; plane++) {
      gradient.fill(weights[plane % channels]! / pixels, plane * pixels, (plane + 1) * pixels);
    }
    return { ...this.evaluate(images), gradient: new DDTensor(new Tensor(gradient, images.shape)) };
  }
}

/** Mean of red - (green + blue) / 2, from -1 (cyan) through 0 (grey) to 1 (red). */
export class RedReward extends ChannelReward {
  protected readonly channels = [3];

  protected weights(): readonly number[] {
    return [1, -0.5, -0.5];
  }
}

/** Mean brightness 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601), from 0 (black) to 1 (white). */
export class BrightnessReward extends ChannelReward {
  protected readonly channels = [1, 3];

  protected weights(channels: number): readonly number[] {
    return channels === 1 ? [1] : [0.299, 0.587, 0.114];
  }
}
