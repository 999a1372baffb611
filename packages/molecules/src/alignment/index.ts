export { type AlignmentOptions, alignNoise } from "./align-noise.js";
export { minimumAssignment } from "./assignment.js";
export { bestRotation } from "./rotation.js";
