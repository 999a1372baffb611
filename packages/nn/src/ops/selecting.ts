import { attribute, intAttribute } from "../ir/index.js";
import type { Application, OpDefinition } from "./definition.js";
import { axisOf, inputType, requireType } from "./inference.js";
import { knownNumbers } from "./partial-values.js";

const argExtremum: OpDefinition = {
  arity: [1, 1],
  attributes: ["axis", "keepdims", "select_last_index"],
  infer: (node: Application) => {
    const { shape } = inputType(node, 0);
    const axis = axisOf(node, shape.length, 0);
    const keep = intAttribute(node.attributes, "keepdims", 1) !== 0;
    const result = keep ? shape.map((length, at) => (at === axis ? 1 : length)) : shape.filter((_, at) => at !== axis);
    return [{ type: "int64", shape: result }];
  },
  // Whole numbers.
  gradient: "none",
};

/** Operators that choose entries by their order. */
export const selectingOps = {
  ArgMax: argExtremum,
  ArgMin: argExtremum,
  TopK: {
    arity: [2, 2],
    attributes: ["axis", "largest", "sorted"],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      requireType(node, 1, ["int64"]);
      const axis = axisOf(node, shape.length, -1);
      const count = knownNumbers(node.values[1])?.[0] ?? node.fresh(axis);
      const length = shape[axis]!;
      if (typeof count === "number" && (count < 0 || (typeof length === "number" && count > length))) {
        node.fail(`takes ${count} of ${length} entries`);
      }
      const taken = shape.map((given, at) => (at === axis ? count : given));
      return [
        { type, shape: taken },
        { type: "int64", shape: taken },
      ];
    },
    discreteInputs: [1],
    // y = the k extreme entries of x, found at i:  dx = dy written into zeros at i.  Subgradient at ties: to those found.
    gradient: (node) => {
      const gradient = node.cotangent(0);
      const x = node.input(0);
      const given = intAttribute(node.attributes, "axis", -1);
      const axis = attribute.int(given < 0 ? given + x.shape.length : given);
      const inputs = [node.write.zerosLike(x), node.output(1), gradient];
      return gradient && node.write.emit("ScatterElements", inputs, { attributes: { axis } })[0];
    },
  },
} satisfies Record<string, OpDefinition>;
