import { makeFolder, type NodeModules } from "../platform/index.js";
import type { FileFacts } from "./file-facts.js";
import { PartialBlob } from "./partial.js";
import { type Exchange, exchange, RequestFailure, type RequestSettings, withRetries } from "./request.js";

/** What to download, and where to. */
export interface Download {
  readonly address: string;
  readonly blob: string;
  readonly facts: FileFacts;
  /** Called with the bytes that are there, as they become more (or, after damage, fewer). */
  readonly onBytes: (bytes: number) => void;
}

/** The bytes that arrived are not those that were announced. */
export class DamagedDownload extends Error {}

/**
 * Downloads a file into its blob: continues the part that an earlier attempt left, checks length and SHA-256 where they are
 * known, and renames. Where the content proves damaged it is thrown away and fetched once more.
 * @throws RequestFailure, DamagedDownload, AbortError
 */
export async function downloadBlob(download: Download, settings: RequestSettings, node: NodeModules): Promise<void> {
  await makeFolder(node, node.path.dirname(download.blob));
  const part = await PartialBlob.claim(download.blob, node, settings.signal);
  if (part === undefined) {
    return;
  }
  try {
    for (let again = false; ; again = true) {
      await fill(part, download, settings, node);
      const damage = await damageOf(part, download.facts, node);
      if (damage === undefined) {
        await part.finish();
        return;
      }
      await part.clear();
      if (again) {
        throw new DamagedDownload(damage);
      }
    }
  } catch (error) {
    await part.release();
    throw error;
  }
}

/** Fetches what is missing, in as many requests as it takes. */
async function fill(
  part: PartialBlob,
  { address, facts, onBytes }: Download,
  settings: RequestSettings,
  node: NodeModules,
): Promise<void> {
  let furthest = await part.size();
  await withRetries(async (progressed) => {
    let offset = await part.size();
    if (offset > 0 && (facts.size === undefined || offset > facts.size)) {
      // Without a length nobody can tell a part from the whole.
      await part.clear();
      offset = 0;
    }
    if (offset === facts.size && offset > 0) {
      return;
    }
    const connection = await request(address, offset, facts, settings);
    try {
      if (connection.response.status !== 206) {
        offset = 0;
      }
      const file = await node.fs.open(part.path, offset === 0 ? "w" : "r+");
      try {
        onBytes(offset);
        for await (const chunk of connection.chunks()) {
          if (facts.size !== undefined && offset + chunk.length > facts.size) {
            throw new DamagedDownload(`it is longer than the ${facts.size} bytes that were announced`);
          }
          await file.write(chunk, 0, chunk.length, offset);
          offset += chunk.length;
          if (offset > furthest) {
            furthest = offset;
            progressed();
          }
          onBytes(offset);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    } finally {
      connection.close();
    }
    if (facts.size !== undefined && offset < facts.size) {
      throw new RequestFailure(`the connection ended after ${offset} of ${facts.size} bytes`, true);
    }
  }, settings);
}

/** A connection that delivers from `offset`, or from the start when the server knows no ranges. */
async function request(
  address: string,
  offset: number,
  { sha256, etag }: FileFacts,
  settings: RequestSettings,
): Promise<Exchange> {
  const whole = { method: "GET" } as const;
  if (offset === 0) {
    return exchange(address, whole, settings);
  }
  // Where no hash will tell, the server is asked to continue only the same content.
  const condition = sha256 === undefined && etag !== undefined ? { "If-Range": `"${etag}"` } : {};
  let connection: Exchange;
  try {
    connection = await exchange(address, { ...whole, headers: { Range: `bytes=${offset}-`, ...condition } }, settings);
  } catch (error) {
    if (error instanceof RequestFailure && error.status === 416) {
      return exchange(address, whole, settings);
    }
    throw error;
  }
  const start = /^bytes (\d+)-/.exec(connection.response.headers.get("content-range") ?? "")?.[1];
  if (connection.response.status === 206 && Number(start) !== offset) {
    connection.close();
    return exchange(address, whole, settings);
  }
  return connection;
}

/** What is wrong with a finished part, if anything. */
async function damageOf(part: PartialBlob, facts: FileFacts, node: NodeModules): Promise<string | undefined> {
  const size = await part.size();
  if (facts.size !== undefined && size !== facts.size) {
    return `it has ${size} bytes and ${facts.size} were announced`;
  }
  if (facts.sha256 === undefined) {
    return undefined;
  }
  const hash = node.crypto.createHash("sha256");
  const file = await node.fs.open(part.path);
  for await (const chunk of file.createReadStream()) {
    hash.update(chunk as Uint8Array);
  }
  const digest = hash.digest("hex");
  return digest === facts.sha256 ? undefined : `its SHA-256 is ${digest} and ${facts.sha256} was announced`;
}
