export { type BufferRows, EndpointBuffer, type EndpointBufferOptions, type Pool } from "./endpoint-buffer.js";
