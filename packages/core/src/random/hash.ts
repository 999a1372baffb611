const encoder = new TextEncoder();

/**
 * FNV-1a, 32 bits, of the string's UTF-8 bytes: starting from 2166136261, each byte is xored in and the result is
 * multiplied by 16777619 modulo 2^32. Lone surrogates count as U+FFFD.
 * @returns a whole number in 0 ... 2^32 - 1
 */
export function hashString(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}
