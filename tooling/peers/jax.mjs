/** jax-js, the other automatic differentiation in JavaScript, on its Wasm backend: the fastest that it has in Node. */

// It reads the number of cores from the navigator, which Node 20 does not have.
globalThis.navigator ??= /** @type {Navigator} */ ({ hardwareConcurrency: 2 });
const { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy, valueAndGrad } = await import("@jax-js/jax");
await init("wasm");
defaultDevice("wasm");

/** @typedef {{ data: Float32Array, shape: readonly number[] }} Plain */

const toArray = (/** @type {Plain} */ { data, shape }) =>
  numpy.array(/** @type {Float32Array<ArrayBuffer>} */ (data), { shape: [...shape] });

/**
 * The mean squared error of a SiLU network and its gradient with respect to all parameters.
 *
 * @param {readonly { weight: Plain, bias: Plain }[]} layers weights of shape [in, out]
 * @param {Plain} x
 * @param {Plain} target
 * @returns {() => Promise<number>} computes both, and gives the loss
 */
export function mlpGradient(layers, x, target) {
  const parameters = layers.map(({ weight, bias }) => ({ w: toArray(weight), b: toArray(bias) }));
  const [input, wanted] = [toArray(x), toArray(target)];
  const loss = (/** @type {any[]} */ list, /** @type {any} */ first, /** @type {any} */ goal) => {
    let hidden = first;
    list.forEach(({ w, b }, i) => {
      const sum = numpy.dot(hidden, w).add(b);
      hidden = i < list.length - 1 ? nn.silu(sum) : sum;
    });
    return numpy.mean(numpy.square(hidden.sub(goal)));
  };
  const both = jit(valueAndGrad(/** @type {any} */ (loss)));
  return async () => {
    const borrowed = parameters.map(({ w, b }) => ({ w: w.ref, b: b.ref }));
    const [value, gradients] = /** @type {any} */ (both)(borrowed, input.ref, wanted.ref);
    for (const { w, b } of gradients) await Promise.all([w.data(), b.data()]);
    return (await value.data())[0];
  };
}

/**
 * A 3x3 convolution that keeps the size of the image.
 *
 * @param {Plain} x
 * @param {Plain} weight
 * @returns {() => Promise<Float32Array>}
 */
export function convolution(x, weight) {
  const [input, kernel] = [toArray(x), toArray(weight)];
  const run = jit((/** @type {any} */ a, /** @type {any} */ b) => lax.conv(a, b, [1, 1], "SAME"));
  return async () => {
    const result = /** @type {any} */ (run)(input.ref, kernel.ref);
    await blockUntilReady(result.ref);
    return result.data();
  };
}
