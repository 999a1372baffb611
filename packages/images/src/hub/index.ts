export { LoadingError, type LoadingErrorFields, type LoadingFailure } from "./loading-error.js";
export { Repository } from "./repository.js";
export type { EnvironmentVariables, LoadingOptions, LoadingProgress } from "./settings.js";
