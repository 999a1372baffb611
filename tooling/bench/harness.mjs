/**
 * Timing that shows its own uncertainty: warm-up, repeated runs, the median with its spread, and ratios of two
 * functions run in turns (A B A B ...), so that a slow moment of the machine falls on both.
 *
 *     import { compare, measure } from "../../../tooling/bench/harness.mjs";
 *     await measure("a rollout step", () => step());
 *     await compare("value and gradient", { "bare runtime": () => bare(), "our engine": () => ours() });
 */

/**
 * @typedef {object} Summary
 * @property {number} medianMs milliseconds of one call
 * @property {number} spreadMs median absolute deviation from the median, in milliseconds
 * @property {number} minMs
 * @property {number} maxMs
 * @property {number} repeats how many times were taken
 *
 * @typedef {object} Options
 * @property {number} [repeats] timed runs; default 21
 * @property {number} [warmUp] runs before them that are not timed; default 3
 * @property {number} [minimumMs] a run calls the function as often as it takes to last this long; default 10
 *
 * @typedef {() => unknown} Work what is timed; a promise is awaited
 */

/**
 * Times one function, prints a line, and returns the numbers.
 *
 * @param {string} name
 * @param {Work} work
 * @param {Options} [options]
 * @returns {Promise<Summary>}
 */
export async function measure(name, work, options = {}) {
  const { repeats = 21, warmUp = 3, minimumMs = 10 } = options;
  const calls = await callsFor(work, warmUp, minimumMs);
  const times = [];
  for (let i = 0; i < repeats; i++) times.push(await time(work, calls));
  const summary = summarize(times);
  console.log(`${name}: ${formatTime(summary)}`);
  return summary;
}

/**
 * Times two functions in turns; prints both and the ratio second / first, and returns the numbers.
 *
 * @param {string} name
 * @param {Record<string, Work>} pair the baseline, then the candidate, each under its name
 * @param {Options} [options]
 * @returns {Promise<{ baseline: Summary, candidate: Summary, ratio: { median: number, spread: number } }>}
 */
export async function compare(name, pair, options = {}) {
  const { repeats = 21, warmUp = 3, minimumMs = 10 } = options;
  const [first, second, ...more] = Object.entries(pair);
  if (!first || !second || more.length > 0) throw new Error(`compare("${name}") takes exactly two functions.`);
  const calls = [await callsFor(first[1], warmUp, minimumMs), await callsFor(second[1], warmUp, minimumMs)];
  const [a, b] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  for (let i = 0; i < repeats; i++) {
    a.push(await time(first[1], calls[0] ?? 1));
    b.push(await time(second[1], calls[1] ?? 1));
  }
  const ratios = b.map((value, i) => value / (a[i] ?? Number.NaN));
  const ratio = { median: median(ratios), spread: spread(ratios) };
  const [baseline, candidate] = [summarize(a), summarize(b)];
  console.log(name);
  console.log(`  ${first[0]}: ${formatTime(baseline)}`);
  console.log(`  ${second[0]}: ${formatTime(candidate)}`);
  console.log(`  ratio ${ratio.median.toFixed(3)} ± ${ratio.spread.toFixed(3)}  (${second[0]} / ${first[0]})`);
  return { baseline, candidate, ratio };
}

/**
 * Lets contestants that time themselves run in turns, each perhaps in a process of its own; prints a line for each, with how
 * many times as fast the first is, and returns the numbers.
 *
 * @param {string} name
 * @param {Record<string, () => Promise<number>>} contestants each gives milliseconds of one call; the first is compared with
 *   the others
 * @param {Options & { note?: (summary: Summary) => string }} [options] `note` adds to the first's line
 * @returns {Promise<{ summaries: Record<string, Summary>, ratios: Record<string, { median: number, spread: number }> }>}
 */
export async function takeTurns(name, contestants, options = {}) {
  const { repeats = 9, warmUp = 2, note } = options;
  const names = Object.keys(contestants);
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(names.map((contestant) => [contestant, []]));
  for (let i = -warmUp; i < repeats; i++) {
    for (const contestant of names) {
      const ms = await contestants[contestant]?.();
      if (i >= 0 && ms !== undefined) times[contestant]?.push(ms);
    }
  }
  console.log(name);
  const first = times[names[0] ?? ""] ?? [];
  /** @type {Record<string, Summary>} */
  const summaries = {};
  /** @type {Record<string, { median: number, spread: number }>} */
  const ratios = {};
  for (const contestant of names) {
    const summary = summarize(times[contestant] ?? []);
    summaries[contestant] = summary;
    const quotients = first.map((value, i) => (times[contestant]?.[i] ?? Number.NaN) / value);
    const ratio = { median: median(quotients), spread: spread(quotients) };
    ratios[contestant] = ratio;
    const compared = `${names[0]} is ${ratio.median.toFixed(2)} ± ${ratio.spread.toFixed(2)} times as fast`;
    const extra = contestant === names[0] ? (note?.(summary) ?? "") : compared;
    console.log(`  ${contestant}: ${formatTime(summary)}  ${extra}`);
  }
  return { summaries, ratios };
}

/**
 * A contestant of `takeTurns` from work in this process.
 *
 * @param {Work} work
 * @param {number} [calls] at a time
 */
export function timed(work, calls = 1) {
  return () => time(work, calls);
}

/** @param {Work} work @param {number} warmUp @param {number} minimumMs */
async function callsFor(work, warmUp, minimumMs) {
  for (let i = 0; i < warmUp; i++) await work();
  let calls = 1;
  while ((await time(work, calls)) * calls < minimumMs) calls *= 2;
  return calls;
}

/** @param {Work} work @param {number} calls @returns {Promise<number>} milliseconds a call */
async function time(work, calls) {
  const started = performance.now();
  for (let i = 0; i < calls; i++) {
    const pending = work();
    if (pending instanceof Promise) await pending;
  }
  return (performance.now() - started) / calls;
}

/** @param {number[]} times @returns {Summary} */
function summarize(times) {
  return {
    medianMs: median(times),
    spreadMs: spread(times),
    minMs: Math.min(...times),
    maxMs: Math.max(...times),
    repeats: times.length,
  };
}

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** @param {readonly number[]} values median absolute deviation */
function spread(values) {
  const center = median(values);
  return median(values.map((value) => Math.abs(value - center)));
}

/** @param {Summary} summary */
function formatTime({ medianMs, spreadMs, minMs, maxMs, repeats }) {
  const [scale, unit] = medianMs < 1 ? [1000, "µs"] : [1, "ms"];
  const [center, width, low, high] = [medianMs, spreadMs, minMs, maxMs].map((ms) => (ms * scale).toPrecision(3));
  return `${center} ± ${width} ${unit}  (${low} to ${high}, ${repeats} runs)`;
}
