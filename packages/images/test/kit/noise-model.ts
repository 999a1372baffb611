import {
  BaseModel,
  DDTensor,
  type NoConditioning,
  OptimalTransport,
  type SampleStreams,
  Tensor,
} from "@diffusiongym/core";

/** A model of 8 x 8 pixels whose velocity is 0: what it starts from stays, seen as an image. */
class NoiseModel extends BaseModel<DDTensor, NoConditioning> {
  readonly outputType = "velocity";
  readonly scheduler = new OptimalTransport();

  override sampleP0(n: number, streams: SampleStreams) {
    return {
      x: new DDTensor(new Tensor(new Float32Array(n * 192), [n, 3, 8, 8])).randnLike(streams),
      conditioning: {},
    };
  }

  override forward(x: DDTensor): DDTensor {
    return x.zerosLike();
  }

  override postprocess(latent: DDTensor): DDTensor {
    return latent.apply(
      (tensor) =>
        new Tensor(
          Float32Array.from(tensor.data, (value) => 1 / (1 + Math.exp(-value))),
          tensor.shape,
        ),
    );
  }
}

export const noiseModel = (): NoiseModel => new NoiseModel();
