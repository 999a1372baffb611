export { type CompileOptions, Engine, type EngineOptions } from "./engine.js";
export { type Bindings, Executable, type NamedTensors } from "./executable.js";
export { ExecutionError } from "./execution-error.js";
export { ProviderError } from "./providers.js";
