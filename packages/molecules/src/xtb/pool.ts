/** Lets so many pieces of work run at a time, and the others wait for their turn in the order they came. */
export class Pool {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param size pieces of work at a time, at least 1 */
  constructor(size: number) {
    this.#free = size;
  }

  /** Runs work when it is its turn. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) {
      this.#free--;
    } else {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#free++;
      } else {
        next();
      }
    }
  }
}
