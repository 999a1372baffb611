import {
  BaseModel,
  DDRecord,
  DDTensor,
  type ModelInput,
  type NoConditioning,
  type SampleStreams,
  type Scheduler,
} from "@diffusiongym/core";

/** Two tensors a sample. */
export type Pair = { readonly place: DDTensor; readonly colour: DDTensor };

/** Standard normal data in both tensors, as an exact velocity model: v = (alphaDot alpha + betaDot beta) / (alpha^2 + beta^2) x. */
export class GaussianRecordModel extends BaseModel<DDRecord<Pair>, NoConditioning> {
  readonly outputType = "velocity";

  constructor(readonly scheduler: Scheduler) {
    super();
  }

  sampleP0(n: number, streams: SampleStreams): ModelInput<DDRecord<Pair>, NoConditioning> {
    const zeros = new DDRecord({
      place: DDTensor.from(new Float32Array(2 * n), [n, 2]),
      colour: DDTensor.from(new Float32Array(3 * n), [n, 3]),
    });
    return { x: zeros.randnLike(streams), conditioning: {} };
  }

  forward(x: DDRecord<Pair>, t: Float32Array): DDRecord<Pair> {
    return x.scale(
      this.scheduler.evaluateBatch((s, time) => {
        const [a, b] = [s.alpha(time), s.beta(time)];
        return (s.alphaDot(time) * a + s.betaDot(time) * b) / (a * a + b * b);
      }, t),
    );
  }
}
