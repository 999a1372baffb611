import { main } from "./index.js";
import { ignoreClosedPipes } from "./terminal/index.js";

ignoreClosedPipes();
process.exitCode = await main(process.argv.slice(2));
