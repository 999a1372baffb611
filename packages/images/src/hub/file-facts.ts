import { exchange, type RequestSettings } from "./request.js";

/** What a server says of a file before it is downloaded. */
export interface FileFacts {
  /** Name of its content: the hub's are SHA-256 for large files and git's for small ones. */
  readonly etag: string | undefined;
  /** SHA-256 of its content, in hexadecimal digits, where the server gives it. */
  readonly sha256: string | undefined;
  /** Length in bytes. */
  readonly size: number | undefined;
  /** The commit that the revision means now. */
  readonly commit: string | undefined;
}

/**
 * Asks for a file's facts without its content, by HEAD. The hub answers for large files with a redirect that carries the
 * facts (X-Linked-Etag, X-Linked-Size), and the store behind it is not asked.
 * @throws RequestFailure
 */
export async function fetchFacts(address: string, settings: RequestSettings): Promise<FileFacts> {
  let commit: string | undefined;
  let linked: { etag: string | undefined; size: number | undefined } | undefined;
  const collect = (headers: Headers): void => {
    commit ??= plainName(headers.get("x-repo-commit"));
    const etag = normalizeEtag(headers.get("x-linked-etag"));
    if (etag !== undefined) {
      linked ??= { etag, size: wholeNumber(headers.get("x-linked-size")) };
    }
  };
  const { response, close } = await exchange(
    address,
    {
      method: "HEAD",
      stopAt: ({ headers }) => {
        collect(headers);
        return linked !== undefined && commit !== undefined;
      },
    },
    settings,
  );
  close();
  collect(response.headers);
  const { etag, size } = linked ?? {
    etag: normalizeEtag(response.headers.get("etag")),
    size: wholeNumber(response.headers.get("content-length")),
  };
  return { etag, size, commit, sha256: etag !== undefined && /^[0-9a-f]{64}$/.test(etag) ? etag : undefined };
}

/** The tag without its quotes and its mark of weakness. */
function normalizeEtag(value: string | null): string | undefined {
  return value?.replace(/^W\//, "").replaceAll('"', "") || undefined;
}

/** A header that becomes part of a path, when it may. */
function plainName(value: string | null): string | undefined {
  return value !== null && /^\w[\w.-]*$/.test(value) ? value : undefined;
}

function wholeNumber(value: string | null): number | undefined {
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined;
}
