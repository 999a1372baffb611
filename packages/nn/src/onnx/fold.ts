import {
  type ConstantTensor,
  constantNumbers,
  constantTensor,
  type Dimension,
  type ElementType,
  intAttribute,
  intsAttribute,
  type Node,
  type TensorType,
  tensorAttribute,
} from "../ir/index.js";

/** Constants of more entries than this are data rather than shapes, and are left to the runtime. */
const mostEntries = 4096;

/** True for shapes whose tensors are computed on reading. */
export function isSmall(shape: readonly Dimension[]): shape is readonly number[] {
  const size = shape.reduce<number>((product, length) => (typeof length === "number" ? product * length : NaN), 1);
  return size <= mostEntries;
}

type Binary = (a: number, b: number) => number;

const binaries: Readonly<Record<string, Binary>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Min: Math.min,
  Max: Math.max,
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
};

const unaries: Readonly<Record<string, (a: number) => number>> = {
  Neg: (a) => -a,
  Abs: Math.abs,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Sqrt: Math.sqrt,
  Not: (a) => Number(a === 0),
};

/** Operators whose output has the entries of the first input in the same order. */
const sameEntries: ReadonlySet<string> = new Set(["Identity", "Reshape", "Unsqueeze", "Squeeze", "Flatten"]);

/**
 * What a node makes of small constants, computed as the runtime would: in single precision for `float32`, and only where
 * every step is exact to the last bit. Shape arithmetic is made of these operators.
 * @param type of the output
 * @param constants of the inputs, `undefined` where an optional one is absent
 * @returns `undefined` for other operators, and for results that a number does not hold exactly
 */
export function evaluateConstant(
  node: Node,
  type: TensorType,
  constants: readonly (ConstantTensor | undefined)[],
): ConstantTensor | undefined {
  const shape = type.shape as readonly number[];
  const entries = evaluateEntries(node, shape, type.type, constants);
  return entries && makeConstant(type.type, shape, entries);
}

function evaluateEntries(
  node: Node,
  shape: readonly number[],
  type: ElementType,
  constants: readonly (ConstantTensor | undefined)[],
): readonly number[] | undefined {
  const at = (index: number): number[] => broadcastEntries(constants[index]!, shape);
  const binary = Object.hasOwn(binaries, node.op) ? binaries[node.op] : undefined;
  if (binary && constants.length === 2) {
    const [a, b] = [at(0), at(1)];
    return a.map((entry, i) => binary(entry, b[i]!));
  }
  const unary = Object.hasOwn(unaries, node.op) ? unaries[node.op] : undefined;
  if (unary) {
    return at(0).map(unary);
  }
  if (sameEntries.has(node.op)) {
    return constantNumbers(constants[0]!);
  }
  switch (node.op) {
    case "Div":
      return divide(at(0), at(1), type);
    case "Cast":
      return castEntries(at(0), type);
    case "Where": {
      const [condition, a, b] = [at(0), at(1), at(2)];
      return condition.map((entry, i) => (entry !== 0 ? a[i]! : b[i]!));
    }
    case "Expand":
      return at(0);
    case "ConstantOfShape": {
      const value = tensorAttribute(node.attributes, "value");
      return new Array<number>(sizeOf(shape)).fill(value ? constantNumbers(value)[0]! : 0);
    }
    case "Range": {
      if (isFloating(type)) {
        return undefined;
      }
      const [start, , step] = constants.map((tensor) => constantNumbers(tensor!)[0]!);
      return Array.from({ length: sizeOf(shape) }, (_, i) => start! + i * step!);
    }
    case "Concat":
      return shape.length === 1 ? constants.flatMap((tensor) => constantNumbers(tensor!)) : undefined;
    case "Gather":
      return gather(node, constants);
    case "Transpose":
      return transpose(node, shape, constants[0]!);
    case "Slice":
      return slice(shape, constants);
    default:
      return undefined;
  }
}

function divide(a: readonly number[], b: readonly number[], type: ElementType): number[] | undefined {
  if (isFloating(type)) {
    return a.map((entry, i) => entry / b[i]!);
  }
  return b.includes(0) ? undefined : a.map((entry, i) => Math.trunc(entry / b[i]!));
}

function castEntries(entries: readonly number[], type: ElementType): readonly number[] | undefined {
  if (type === "bool") {
    return entries.map((entry) => Number(entry !== 0));
  }
  return isFloating(type) ? entries : entries.map(Math.trunc);
}

function gather(node: Node, [data, indices]: readonly (ConstantTensor | undefined)[]): number[] | undefined {
  const length = data?.shape[0];
  if (data?.shape.length !== 1 || length === undefined || intAttribute(node.attributes, "axis", 0) > 0) {
    return undefined;
  }
  const values = constantNumbers(data);
  const picked = constantNumbers(indices!).map((index) => values[index < 0 ? index + length : index]);
  return picked.every((entry) => entry !== undefined) ? picked : undefined;
}

/** Entries a fixed number of places apart along each axis of a shape, from the place `first` on. */
function strided(data: ConstantTensor, shape: readonly number[], strides: readonly number[], first = 0): number[] {
  const values = constantNumbers(data);
  const places = shape.reduce<number[]>(
    (all, length, axis) => all.flatMap((place) => Array.from({ length }, (_, i) => place + i * strides[axis]!)),
    [first],
  );
  return places.map((place) => values[place]!);
}

/** How many entries apart the neighbours along each axis are. */
const stridesOf = (shape: readonly number[]): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

function transpose(node: Node, shape: readonly number[], data: ConstantTensor): number[] {
  const strides = stridesOf(data.shape);
  const order = intsAttribute(node.attributes, "perm") ?? shape.map((_, axis) => shape.length - 1 - axis);
  return strided(
    data,
    shape,
    order.map((axis) => strides[axis]!),
  );
}

function slice(shape: readonly number[], constants: readonly (ConstantTensor | undefined)[]): number[] {
  const data = constants[0]!;
  const rank = data.shape.length;
  const [starts, , axes, steps] = constants.slice(1).map((tensor) => tensor && constantNumbers(tensor));
  const strides = stridesOf(data.shape);
  let first = 0;
  starts!.forEach((start, i) => {
    const axis = ((axes?.[i] ?? i) + rank) % rank;
    const length = data.shape[axis]!;
    const step = steps?.[i] ?? 1;
    first += Math.min(Math.max(start < 0 ? start + length : start, 0), step > 0 ? length : length - 1) * strides[axis]!;
    strides[axis]! *= step;
  });
  return strided(data, shape, strides, first);
}

/** The entries of a tensor, broadcast to a shape. */
function broadcastEntries(tensor: ConstantTensor, shape: readonly number[]): number[] {
  const values = constantNumbers(tensor);
  const missing = shape.length - tensor.shape.length;
  return Array.from({ length: sizeOf(shape) }, (_, flat) => {
    let index = 0;
    let rest = flat;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= missing; axis--) {
      const length = tensor.shape[axis - missing]!;
      index += (length === 1 ? 0 : rest % shape[axis]!) * stride;
      stride *= length;
      rest = Math.floor(rest / shape[axis]!);
    }
    return values[index]!;
  });
}

function makeConstant(
  type: ElementType,
  shape: readonly number[],
  entries: readonly number[],
): ConstantTensor | undefined {
  const fits = (limit: number): boolean =>
    entries.every((entry) => Number.isInteger(entry) && Math.abs(entry) <= limit);
  switch (type) {
    case "float32":
      return constantTensor(type, shape, Float32Array.from(entries));
    case "bool":
      return constantTensor(type, shape, Uint8Array.from(entries));
    case "int64":
      return fits(Number.MAX_SAFE_INTEGER)
        ? constantTensor(type, shape, BigInt64Array.from(entries, BigInt))
        : undefined;
    case "int32":
      return fits(2 ** 31 - 1) ? constantTensor(type, shape, Int32Array.from(entries)) : undefined;
    default:
      return undefined;
  }
}

const isFloating = (type: ElementType): boolean => type === "float32" || type === "float64";

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
