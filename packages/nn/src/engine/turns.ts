/** A queue: what is asked for at the same time happens one after the other. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Does the work when everything asked for before has ended, well or not. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const previous = this.#last;
    let finish!: () => void;
    this.#last = new Promise((resolve) => {
      finish = resolve;
    });
    await previous;
    try {
      return await work();
    } finally {
      finish();
    }
  }
}
