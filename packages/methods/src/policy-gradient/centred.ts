/**
 * Each value less the mean of the *other* valid ones of its group: the baseline that leaves the gradient unbiased, where the
 * group's own mean would shrink it by 1 - 1 / size. 0 for invalid samples and for groups of one.
 * @param groupSize consecutive samples that are compared; 0 for all
 */
export function centredByGroup(values: ArrayLike<number>, valids: Uint8Array, groupSize: number): Float64Array {
  const n = values.length;
  const size = groupSize || n;
  const centred = new Float64Array(n);
  for (let from = 0; from < n; from += size) {
    let count = 0;
    let sum = 0;
    for (let i = from; i < Math.min(n, from + size); i++) {
      if (valids[i] === 1) {
        count += 1;
        sum += values[i]!;
      }
    }
    for (let i = from; i < Math.min(n, from + size); i++) {
      if (valids[i] === 1 && count > 1) {
        centred[i] = (values[i]! - sum / count) * (count / (count - 1));
      }
    }
  }
  return centred;
}

/**
 * Costs of every step and sample that are still to come, sum_{j > k} of the given ones.
 * @param steps costs of each step, shape [n] each
 */
export function costsToCome(steps: readonly ArrayLike<number>[]): Float64Array[] {
  const n = steps[0]?.length ?? 0;
  const later: Float64Array[] = [];
  let sums = new Float64Array(n);
  for (let k = steps.length - 1; k >= 0; k--) {
    later[k] = sums;
    sums = sums.map((sum, i) => sum + steps[k]![i]!);
  }
  return later;
}
