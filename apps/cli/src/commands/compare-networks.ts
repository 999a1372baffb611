import type { NetworkBuilders } from "../comparison/index.js";
import { buildPolicy, buildValue } from "./networks.js";

/** One thread each, so that CPU seconds mean the same for every method. */
const threads = 1;

/** The networks of a comparison: those that `adapt` makes by itself. */
export const comparisonNetworks: NetworkBuilders = {
  policy: (environment, request) => buildPolicy(environment, { ...request, threads, trainable: "auto", loraRank: 8 }),
  async value(environment, { name, ...request }) {
    const { value } = await buildValue(environment, { ...request, threads }, name);
    return value;
  },
};
