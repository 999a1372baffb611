export { type AchievedTilt, type AnyEnvironment, type ExactAnswer, exactAnswer } from "./exact.js";
