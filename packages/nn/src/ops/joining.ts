import { type Dimension, intAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape } from "./dimensions.js";
import { axisOf, inputType, requireSameType } from "./inference.js";

function inferConcat(node: Application) {
  const type = requireSameType(node);
  const first = inputType(node, 0).shape;
  const axis = axisOf(node, first.length, 0);
  const shape = [...first];
  for (let i = 1; i < node.inputs.length; i++) {
    const next = inputType(node, i).shape;
    if (next.length !== first.length) {
      node.fail(`cannot join the shapes ${printShape(first)} and ${printShape(next)}`);
    }
    next.forEach((length, at) => {
      const known = shape[at]!;
      if (at === axis) {
        const both = typeof known === "number" && typeof length === "number";
        shape[at] = both ? known + length : known === 0 ? length : length === 0 ? known : node.fresh(at);
      } else if (typeof known === "number" && typeof length === "number" && known !== length) {
        node.fail(`cannot join the shapes ${printShape(first)} and ${printShape(next)} along the axis ${axis}`);
      } else if (typeof length === "number") {
        shape[at] = length;
      }
    });
  }
  return [{ type, shape }];
}

// y = [x_1, x_2, ...]:  dx_i = the part of dy where x_i went
function gradientOfConcat(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const rank = gradient.shape.length;
  const given = intAttribute(node.attributes, "axis", 0);
  const axis = given < 0 ? given + rank : given;
  const parts = node.inputs.map((_, i) => node.input(i));
  const lengths = parts.map((part) => part.shape[axis]!);
  if (lengths.every((length) => typeof length === "number")) {
    const start = lengths.slice(0, input).reduce((sum, length) => sum + length, 0);
    return write.slice(gradient, { starts: [start], ends: [start + lengths[input]!], axes: [axis] });
  }
  const index = write.integers([axis]);
  const sizes = parts.map((part) => write.gather(write.shapeOf(part), index, 0));
  return write.split(gradient, write.concat(sizes, 0), axis)[input];
}

function inferSplit(node: Application) {
  const { type, shape } = inputType(node, 0);
  const axis = axisOf(node, shape.length, 0);
  const total = shape[axis]!;
  const count = node.outputCount;
  const equal =
    typeof total === "number" ? Math.ceil(total / intAttribute(node.attributes, "num_outputs", count)) : undefined;
  const lengths: readonly (Dimension | undefined)[] = node.inputs[1]
    ? (node.values[1]?.entries ?? [])
    : Array.from({ length: count }, (_, i) =>
        equal === undefined ? undefined : Math.min(equal, (total as number) - i * equal),
      );
  const known = lengths.length > 0 && lengths.every((length) => typeof length === "number");
  if (known && typeof total === "number" && (lengths as number[]).reduce((sum, length) => sum + length, 0) !== total) {
    node.fail(`cuts the length ${total} into [${lengths.join(", ")}]`);
  }
  const pieces = Math.max(count, lengths.length);
  return Array.from({ length: pieces }, (_, i) => ({
    type,
    shape: shape.map((length, at) => (at === axis ? (lengths[i] ?? `${node.fresh(at)}.${i}`) : length)),
  }));
}

/** Operators that join tensors and cut them into pieces. */
export const joiningOps = {
  Concat: {
    arity: [1, Number.POSITIVE_INFINITY],
    attributes: ["axis"],
    infer: inferConcat,
    evaluate: (node) => {
      if (node.values.some((value) => value?.shape.length !== 1)) {
        return undefined;
      }
      const entries = node.values.flatMap((value) => [...value!.entries]);
      return { shape: [entries.length], entries };
    },
    gradient: gradientOfConcat,
  },
  Split: {
    arity: [1, 2],
    attributes: ["axis", "num_outputs"],
    infer: inferSplit,
    discreteInputs: [1],
    // [y_1, y_2, ...] = x:  dx = [dy_1, dy_2, ...], with zeros for pieces that nobody used
    gradient: (node) => {
      const pieces = Array.from(
        { length: node.outputCount },
        (_, i) => node.cotangent(i) ?? node.write.zerosLike(node.output(i)),
      );
      return node.write.concat(pieces, intAttribute(node.attributes, "axis", 0));
    },
  },
} satisfies Record<string, OpDefinition>;
