export { type ByteSource, requireRange } from "./byte-source.js";
export { FileError } from "./file-error.js";
export { type ByteCount, replaceFiles, type WrittenFile } from "./replace-files.js";
export { besideSource, type FileSource, openSource } from "./source.js";
export { UrlSource } from "./url-source.js";
