import type { ControlPolicy, DiffusionData, PolicyStep } from "@diffusiongym/core";

/** Passes a control through and keeps the last one, which the targets need. */
export class RecordingControl<D extends DiffusionData<D>, C extends object> implements ControlPolicy<D, C> {
  /** The control of the last step. */
  last: D | undefined = undefined;

  constructor(private readonly inner: ControlPolicy<D, C>) {}

  async control(x: D, t: Float32Array, conditioning: C, step: PolicyStep<D>): Promise<D> {
    this.last = await this.inner.control(x, t, conditioning, step);
    return this.last;
  }
}
