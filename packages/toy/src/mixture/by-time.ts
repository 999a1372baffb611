/**
 * Evaluates a batch whose samples have times of their own with one view (the constants of a time) for each run of equal
 * times. The last view is kept, so a rollout, where all times are equal, builds one view a step.
 */
export class ByTime<View> {
  #time = Number.NaN;
  #view: View | undefined;
  readonly #build: (time: number, last: View | undefined) => View;

  /** @param build makes the view of a time, or makes the last view that of the time */
  constructor(build: (time: number, last: View | undefined) => View) {
    this.#build = build;
  }

  /**
   * Calls `evaluate` for each run of equal times.
   * @param times shape `[n]`
   * @param evaluate receives the view and the run's first and past-the-last sample
   */
  forEach(times: Float32Array, evaluate: (view: View, from: number, to: number) => void): void {
    for (let from = 0, to = 0; from < times.length; from = to) {
      const time = times[from]!;
      to++;
      while (to < times.length && times[to] === time) {
        to++;
      }
      if (this.#view === undefined || this.#time !== time) {
        this.#view = this.#build(time, this.#view);
        this.#time = time;
      }
      evaluate(this.#view, from, to);
    }
  }
}
