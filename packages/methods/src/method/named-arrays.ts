/** Arrays under a common prefix, for states that hold several sets: `prefix/name`. */
export function withPrefix(prefix: string, arrays: ReadonlyMap<string, Float32Array>): [string, Float32Array][] {
  return Array.from(arrays, ([name, data]) => [`${prefix}/${name}`, data]);
}

/** The arrays under a prefix, without it. */
export function underPrefix(prefix: string, arrays: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
  return new Map(
    Array.from(arrays)
      .filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, data]) => [name.slice(prefix.length + 1), data]),
  );
}
