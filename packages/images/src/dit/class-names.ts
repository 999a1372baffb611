import { ArgumentError, didYouMean, ShapeError } from "@diffusiongym/core";

/** A class by its number, or by one of its names. */
export type ClassLabel = number | string;

/** Classes of samples as conditioning has them: one for all samples, or one a sample. */
export type ClassLabels = ClassLabel | readonly ClassLabel[] | Int32Array;

/** The classes of a model: numbers from 0, names where the model's files have them, and one more number for no class. */
export class ClassNames {
  /** Number of classes; also the number that stands for no class. */
  readonly count: number;
  readonly #names: readonly string[];
  /** Classes by name in lower case. */
  readonly #numbers = new Map<string, number[]>();

  /**
   * @param count number of classes
   * @param names names of each class, which may be several with commas between them. @default none
   */
  constructor(count: number, names: Readonly<Record<number, string>> = {}) {
    this.count = count;
    this.#names = Array.from({ length: count }, (_, number) => names[number] ?? "");
    for (const [number, name] of this.#names.entries()) {
      for (const synonym of new Set([name, ...name.split(",")].map((text) => text.trim().toLowerCase()))) {
        if (synonym !== "") {
          this.#numbers.set(synonym, [...(this.#numbers.get(synonym) ?? []), number]);
        }
      }
    }
  }

  /** The number that stands for no class: 1000 for ImageNet's classes 0 to 999. */
  get none(): number {
    return this.count;
  }

  /** Names of a class, with commas between them; empty where there are none. */
  name(number: number): string {
    return number === this.none ? "" : (this.#names[this.numberOf(number)] ?? "");
  }

  /**
   * The number of a class.
   * @param label number, `none` included, or name in any case
   * @param sample the sample it is for, for messages
   * @throws ArgumentError
   */
  numberOf(label: ClassLabel, sample?: number): number {
    const where = sample === undefined ? "" : ` for sample ${sample}`;
    if (typeof label === "number") {
      if (!Number.isInteger(label) || label < 0 || label > this.none) {
        throw new ArgumentError(
          `classLabel is ${label}${where}; the classes are 0 to ${this.count - 1}, and ${this.none} stands for none.`,
          "classLabel",
          label,
        );
      }
      return label;
    }
    const found = typeof label === "string" ? this.#numbers.get(label.trim().toLowerCase()) : undefined;
    if (found === undefined) {
      const known = this.#numbers.size === 0 ? " The model's files name no classes; give a number." : "";
      throw new ArgumentError(
        `classLabel ${JSON.stringify(label)}${where} is no class${didYouMean(label, this.#numbers.keys())}${known}`,
        "classLabel",
        label,
      );
    }
    if (found.length > 1) {
      throw new ArgumentError(
        `classLabel ${JSON.stringify(label)}${where} is the name of the classes ${found.join(" and ")}; give the number.`,
        "classLabel",
        label,
      );
    }
    return found[0]!;
  }

  /**
   * The classes of n samples.
   * @param labels one for all samples, or one a sample
   * @throws ArgumentError naming the sample; ShapeError
   */
  read(n: number, labels: ClassLabels): Int32Array {
    if (typeof labels === "number" || typeof labels === "string") {
      return new Int32Array(n).fill(this.numberOf(labels));
    }
    if (!Array.isArray(labels) && !(labels instanceof Int32Array)) {
      throw new ArgumentError(
        `classLabel must be a number or a name, or an array of one a sample, got ${JSON.stringify(labels)}.`,
        "classLabel",
        labels,
      );
    }
    if (labels.length !== n) {
      throw new ShapeError(`classLabel holds ${labels.length} classes for ${n} samples.`, [n], [labels.length]);
    }
    return Int32Array.from(labels as ArrayLike<ClassLabel>, (label, i) => this.numberOf(label as ClassLabel, i));
  }
}
