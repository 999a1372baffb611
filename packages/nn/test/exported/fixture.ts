import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import type { TestTensor } from "../ops/run-graph.js";

/** A tensor whose bits are stored. */
interface Exact {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int64" | "bool";
  readonly base64: string;
}

/** A tensor stored as whole numbers of 1/32767 of its largest entry. */
interface Rounded {
  readonly shape: readonly number[];
  readonly largest: number;
  readonly base64: string;
}

/** One way in which a network was exported. */
interface Export {
  /** Which parameter each stored tensor is, and whether it is stored transposed. */
  readonly parameters: Readonly<Record<string, readonly [string, boolean]>>;
  /** Parameters that the exporter computed with, so that they are not in the file. */
  readonly folded: readonly string[];
}

/** What `tooling/fixtures/exporting.py` writes beside the exports of a network. */
export interface ExportedFixture {
  readonly inputs: Readonly<Record<string, Exact>>;
  readonly outputs: Readonly<Record<string, Exact>>;
  readonly cotangents: Readonly<Record<string, Exact>>;
  /** By name of an input or of a parameter of the module that was exported. */
  readonly gradients: Readonly<Record<string, Rounded>>;
  readonly exports: Readonly<Record<string, Export>>;
}

/** What `tooling/fixtures/exported_operators.py` writes beside the exports of a family of operations. */
export interface ExportedOperations {
  readonly inputs: Readonly<Record<string, Exact>>;
  /** By operation, as are the cotangents; one without a derivative has none. */
  readonly outputs: Readonly<Record<string, Exact>>;
  readonly cotangents: Readonly<Record<string, Exact>>;
  /** By operation, then by input. */
  readonly gradients: Readonly<Record<string, Readonly<Record<string, Rounded>>>>;
  /** By export: the operations that are its outputs. */
  readonly exports: Readonly<Record<string, readonly string[]>>;
}

const folder = "packages/nn/test/fixtures/exported";

/** What a network gives and what its gradients are. */
export const loadExported = <T = ExportedFixture>(name: string): Promise<T> =>
  loadFixture<T>(`${folder}/${name}.json.gz`);

/** The file of one export. */
export const loadExport = (name: string, key: string): Promise<Uint8Array<ArrayBuffer>> =>
  loadFixtureBytes(`${folder}/${name}.${key}.onnx.gz`);

const bytesOf = (base64: string): ArrayBuffer =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;

/** The tensor itself. */
export function decodeExact({ shape, dtype, base64 }: Exact): TestTensor {
  const buffer = bytesOf(base64);
  const make = dtype === "int64" ? BigInt64Array : dtype === "bool" ? Uint8Array : Float32Array;
  return { shape, data: new make(buffer) };
}

/** The tensor up to 1.6e-5 of its largest entry. */
export function decodeRounded({ shape, largest, base64 }: Rounded): TestTensor {
  return { shape, data: Float32Array.from(new Int16Array(bytesOf(base64)), (steps) => (steps / 32767) * largest) };
}

/** All of them. */
export const decodeAll = (stored: Readonly<Record<string, Exact>>): Record<string, TestTensor> =>
  Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, decodeExact(value)]));

/** The largest magnitude among a tensor's entries. */
export const largestOf = ({ data }: TestTensor): number =>
  Array.from<number | bigint>(data).reduce<number>((largest, entry) => Math.max(largest, Math.abs(Number(entry))), 0);

/** The two axes exchanged. */
export function transposed({ shape, data }: TestTensor): TestTensor {
  const [rows, columns] = shape as readonly [number, number];
  return {
    shape: [columns, rows],
    data: Float32Array.from({ length: data.length }, (_, i) =>
      Number(data[(i % rows) * columns + Math.floor(i / rows)]),
    ),
  };
}

/** The first entry along the first axis. */
export function first({ shape, data }: TestTensor): TestTensor {
  return { shape: [1, ...shape.slice(1)], data: data.slice(0, data.length / shape[0]!) as TestTensor["data"] };
}
