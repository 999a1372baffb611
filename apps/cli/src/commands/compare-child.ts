import { serveOneJob } from "../comparison/index.js";
import { comparisonNetworks } from "./compare-networks.js";

// What the comparison starts a process with, for each run.
serveOneJob(comparisonNetworks);
