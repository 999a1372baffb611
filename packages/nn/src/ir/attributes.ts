import type { Attributes, AttributeValue, ConstantTensor } from "./types.js";

/** Makers of attribute values: `attribute.int(1)`, `attribute.floats([0.5])`. Floats have single precision, as in a file. */
export const attribute = {
  int: (value: number): AttributeValue => ({ kind: "int", value }),
  float: (value: number): AttributeValue => ({ kind: "float", value: Math.fround(value) }),
  string: (value: string): AttributeValue => ({ kind: "string", value }),
  ints: (value: readonly number[]): AttributeValue => ({ kind: "ints", value }),
  floats: (value: readonly number[]): AttributeValue => ({ kind: "floats", value: value.map(Math.fround) }),
  tensor: (value: ConstantTensor): AttributeValue => ({ kind: "tensor", value }),
} as const;

/** An integer attribute, or the operator's default where it is absent. */
export function intAttribute(attributes: Attributes, name: string, otherwise: number): number {
  const found = attributes[name];
  return found?.kind === "int" ? found.value : otherwise;
}

/** A float attribute, or the operator's default where it is absent. */
export function floatAttribute(attributes: Attributes, name: string, otherwise: number): number {
  const found = attributes[name];
  return found?.kind === "float" ? found.value : otherwise;
}

/** A string attribute, or the operator's default where it is absent. */
export function stringAttribute(attributes: Attributes, name: string, otherwise: string): string {
  const found = attributes[name];
  return found?.kind === "string" ? found.value : otherwise;
}

/** A list of integers, or `undefined` where it is absent. */
export function intsAttribute(attributes: Attributes, name: string): readonly number[] | undefined {
  const found = attributes[name];
  return found?.kind === "ints" ? found.value : undefined;
}

/** A tensor attribute, or `undefined` where it is absent. */
export function tensorAttribute(attributes: Attributes, name: string): ConstantTensor | undefined {
  const found = attributes[name];
  return found?.kind === "tensor" ? found.value : undefined;
}
