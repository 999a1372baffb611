import { FormatError } from "@diffusiongym/core";

/** The lines of a file, one after the other, with complaints that say which one was wrong. */
export class LineReader {
  readonly #lines: readonly string[];
  #next = 0;

  /**
   * @param text the file; lines end in \n or \r\n
   * @param format what the file should be, for messages: "SDF"
   */
  constructor(
    text: string,
    readonly format: string,
  ) {
    if (typeof text !== "string") {
      throw new FormatError(`${format}: a string is needed, got ${typeof text}.`, format);
    }
    this.#lines = text.split(/\r?\n/);
    if (this.#lines.at(-1) === "") {
      this.#lines = this.#lines.slice(0, -1);
    }
  }

  /** True when no line is left. */
  get done(): boolean {
    return this.#next >= this.#lines.length;
  }

  /** True when only blank lines are left. */
  get blank(): boolean {
    return this.#lines.slice(this.#next).every((line) => line.trim() === "");
  }

  /** The next line, which stays the next. */
  peek(): string | undefined {
    return this.#lines[this.#next];
  }

  /**
   * Takes the next line.
   * @param expected what should come, for the complaint
   * @throws FormatError when the file ends here
   */
  take(expected: string): string {
    const line = this.#lines[this.#next++];
    if (line === undefined) {
      throw new FormatError(
        `${this.format}: the file ends after line ${this.#lines.length}, before ${expected}.`,
        this.format,
      );
    }
    return line;
  }

  /**
   * Complains about the line that was taken last.
   * @throws FormatError always
   */
  fail(problem: string): never {
    const line = this.#lines[this.#next - 1] ?? "";
    throw new FormatError(`${this.format}: line ${this.#next}: ${problem} in "${line.slice(0, 80)}".`, this.format);
  }

  /** A whole number from `low` to `high` out of the line that was taken last. */
  integer(text: string | undefined, what: string, low: number, high: number): number {
    const value = text !== undefined && /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) {
      this.fail(`${what} must be a whole number from ${low} to ${high}, got "${text?.trim() ?? ""}"`);
    }
    return value;
  }

  /** A finite number out of the line that was taken last. */
  number(text: string | undefined, what: string): number {
    const value = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(Math.fround(value))) {
      this.fail(`${what} must be a number, got "${text?.trim() ?? ""}"`);
    }
    return value;
  }
}
