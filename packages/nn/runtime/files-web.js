// Browsers have no files. Chosen by the "imports" of package.json.
export const loadFileSystem = undefined;
