import type { OpDefinition } from "./definition.js";
import { smooth } from "./smooth.js";

/** Trigonometric and hyperbolic functions beside those in `unaryOps`, and the inverses of all. */
export const trigonometryOps = {
  // y = tan(x):  dx = (1 + y^2) dy
  Tan: smooth(({ write, output }, dy) => write.mul(dy, write.add(write.square(output(0)), 1))),
  // y = asin(x):  dx = dy / sqrt(1 - x^2).  Infinite at -1 and 1.
  Asin: smooth(({ write, input }, dy) => write.div(dy, write.sqrt(write.sub(1, write.square(input(0)))))),
  // y = acos(x):  dx = -dy / sqrt(1 - x^2).  Infinite at -1 and 1.
  Acos: smooth(({ write, input }, dy) => write.neg(write.div(dy, write.sqrt(write.sub(1, write.square(input(0))))))),
  // y = atan(x):  dx = dy / (1 + x^2)
  Atan: smooth(({ write, input }, dy) => write.div(dy, write.add(write.square(input(0)), 1))),
  // y = sinh(x):  dx = cosh(x) dy
  Sinh: smooth(({ write, input }, dy) => write.mul(dy, write.emit("Cosh", [input(0)])[0]!)),
  // y = cosh(x):  dx = sinh(x) dy
  Cosh: smooth(({ write, input }, dy) => write.mul(dy, write.emit("Sinh", [input(0)])[0]!)),
  // y = asinh(x):  dx = dy / sqrt(x^2 + 1)
  Asinh: smooth(({ write, input }, dy) => write.div(dy, write.sqrt(write.add(write.square(input(0)), 1)))),
  // y = acosh(x):  dx = dy / sqrt(x^2 - 1).  Infinite at 1.
  Acosh: smooth(({ write, input }, dy) => write.div(dy, write.sqrt(write.sub(write.square(input(0)), 1)))),
  // y = atanh(x):  dx = dy / (1 - x^2).  Infinite at -1 and 1.
  Atanh: smooth(({ write, input }, dy) => write.div(dy, write.sub(1, write.square(input(0))))),
} satisfies Record<string, OpDefinition>;
