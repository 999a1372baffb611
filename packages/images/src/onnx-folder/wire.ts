/** One field of a protocol buffer: a number, or the range of its contents. */
export interface WireField {
  readonly number: number;
  /** Value of a field that is a number; 0 for others. */
  readonly value: number;
  /** First byte of the contents. */
  readonly start: number;
  /** Byte after the field. */
  readonly end: number;
}

/** Bytes that a field's tag and length take at most. */
export const longestHead = 20;

/**
 * The field at a position.
 * @param head the bytes from there on, at least `longestHead` where there are as many
 * @param position of the head, to which the field's range is relative
 * @returns undefined where no field can begin
 */
export function readField(head: Uint8Array, position: number): WireField | undefined {
  const tag = readNumber(head, 0);
  if (tag === undefined || tag.value < 8) {
    return undefined;
  }
  const number = Math.floor(tag.value / 8);
  const field = (value: number, start: number, end: number): WireField => ({
    number,
    value,
    start: position + start,
    end: position + end,
  });
  switch (tag.value % 8) {
    case 0: {
      const read = readNumber(head, tag.end);
      return read && field(read.value, tag.end, read.end);
    }
    case 1:
      return field(0, tag.end, tag.end + 8);
    case 2: {
      const length = readNumber(head, tag.end);
      return length && field(0, length.end, length.end + length.value);
    }
    case 5:
      return field(0, tag.end, tag.end + 4);
    default:
      return undefined;
  }
}

/**
 * All fields of a message.
 * @returns undefined when the bytes are no message
 */
export function readFields(bytes: Uint8Array): WireField[] | undefined {
  const fields: WireField[] = [];
  for (let position = 0; position < bytes.length; ) {
    const field = readField(bytes.subarray(position), position);
    if (field === undefined || field.end > bytes.length) {
      return undefined;
    }
    fields.push(field);
    position = field.end;
  }
  return fields;
}

/** A number of at most ten bytes, the low seven bits of each; negative ones come out as more than 2^53. */
function readNumber(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) {
      return undefined;
    }
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      return { value, end: start + i + 1 };
    }
  }
  return undefined;
}
