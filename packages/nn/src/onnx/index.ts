export { type ParseOnnxOptions, parseOnnx, readableOpsets } from "./parse.js";
export { writeOnnx } from "./write.js";
