/**
 * Test data by path from the repository's root, the same in Node (file system) and in a browser (through vite's server).
 *
 *     const golden = await loadFixture<Golden>("packages/core/test/fixtures/schedulers.json.gz");
 */

const inNode = typeof document === "undefined";
// Kept in a variable because vite rewrites `new URL(..., import.meta.url)` to name a bundled asset.
const here = import.meta.url;
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** The parsed JSON of a `.json` or `.json.gz` file; `path` is relative to the repository's root. */
export async function loadFixture<T = unknown>(path: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await loadFixtureBytes(path))) as T;
}

/** The bytes of any file, gunzipped if they are gzip; `path` is relative to the repository's root. */
export async function loadFixtureBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await read(new URL(`../../${path}`, here));
  // A server may have declared the file's gzip as a transfer encoding, in which case it arrives already unpacked.
  if (!isGzip(bytes)) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

async function read(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  if (inNode) {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  const answer = await fetch(url);
  const isPage = answer.headers.get("content-type")?.startsWith("text/html");
  if (!answer.ok || isPage) throw new Error(`No fixture at ${url.pathname} (HTTP ${answer.status}).`);
  return new Uint8Array(await answer.arrayBuffer());
}
