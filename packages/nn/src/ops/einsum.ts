import { attribute, type Dimension, stringAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { broadcastDimension, printShape } from "./dimensions.js";
import { type Equation, parseEquation, unusedLetters } from "./einsum-equation.js";
import { inputType, requireSameType } from "./inference.js";
import type { OpWriter } from "./op-writer.js";
import { unbroadcast } from "./unbroadcast.js";

function infer(node: Application) {
  const type = requireSameType(node);
  const shapes = node.inputs.map((_, i) => inputType(node, i).shape);
  const { operands, result } = equationOf(node, shapes, node.fail);
  const lengths = new Map<string, Dimension>();
  operands.forEach((letters, i) => {
    [...letters].forEach((letter, axis) => {
      const [known, length] = [lengths.get(letter), shapes[i]![axis]!];
      const joined = known === undefined ? length : broadcastDimension(known, length);
      lengths.set(
        letter,
        joined ??
          node.fail(`has the lengths ${known} and ${length} for one letter: ${shapes.map(printShape).join(", ")}`),
      );
    });
  });
  return [{ type, shape: [...result].map((letter) => lengths.get(letter)!) }];
}

function equationOf(
  { attributes }: Pick<Application, "attributes">,
  shapes: readonly (readonly Dimension[])[],
  fail: (message: string) => never,
): Equation {
  const ranks = shapes.map((shape) => shape.length);
  return parseEquation(stringAttribute(attributes, "equation", ""), ranks, fail);
}

/** The letters once each, in order. */
const distinct = (text: string): string => [...new Set(text)].join("");

/** The matrix of ones on the diagonal and zeros beside it, of the length of an axis. */
function identityMatrix(write: OpWriter, like: ValueInfo, axis: number): ValueInfo {
  const length = write.slice(write.shapeOf(like), { starts: [axis], ends: [axis + 1], axes: [0] });
  const square = write.expand(write.scalar(0, like.type), write.concat([length, length], 0));
  return write.emit("EyeLike", [square])[0]!;
}

// y[r] = sum over the letters not in r of x_1[o_1] x_2[o_2] ...:
//   dx_k[o_k] = sum over the letters not in o_k of dy[r] times the other operands; what only x_k has is repeated, and a
//   letter that o_k has twice (the diagonal was taken) becomes two by a product with the identity matrix.
function gradientOfEinsum(node: Differentiation, index: number): ValueInfo | undefined {
  const { write } = node;
  const dy = node.cotangent(0);
  if (!dy) {
    return undefined;
  }
  const x = node.input(index);
  const inputs = node.inputs.map((_, i) => node.input(i));
  const { operands, result } = equationOf(
    node,
    inputs.map(({ shape }) => shape),
    node.refuse,
  );
  const own = operands[index]!;
  const others = operands.filter((_, i) => i !== index);
  const factors: [ValueInfo, string][] = [
    [dy, result],
    ...others.map((letters, i): [ValueInfo, string] => [inputs[i < index ? i : i + 1]!, letters]),
  ];
  const fresh = unusedLetters(operands.join(""));
  let target = "";
  [...own].forEach((letter, axis) => {
    if (own.indexOf(letter) === axis) {
      target += letter;
      return;
    }
    const second = fresh.shift() ?? node.refuse("its equation leaves no letter for the diagonal");
    factors.push([identityMatrix(write, x, axis), letter + second]);
    target += second;
  });
  const reached = distinct(factors.map(([, letters]) => letters).join(""));
  const kept = [...target].filter((letter) => reached.includes(letter)).join("");
  const product = einsum(write, factors, kept);
  const missing = [...target].flatMap((letter, axis) => (kept.includes(letter) ? [] : [axis]));
  return unbroadcast(write, missing.length > 0 ? write.unsqueeze(product, missing) : product, x);
}

function einsum(write: OpWriter, factors: readonly (readonly [ValueInfo, string])[], result: string): ValueInfo {
  if (factors.length === 1 && factors[0]![1] === result) {
    return factors[0]![0];
  }
  const equation = `${factors.map(([, letters]) => letters).join(",")}->${result}`;
  return write.emit(
    "Einsum",
    factors.map(([value]) => value),
    { attributes: { equation: attribute.string(equation) } },
  )[0]!;
}

/** Sums of products by equation. */
export const einsumOps = {
  Einsum: {
    arity: [1, Number.POSITIVE_INFINITY],
    attributes: ["equation"],
    infer,
    gradient: gradientOfEinsum,
  },
} satisfies Record<string, OpDefinition>;
