import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const commit = "5f4aa7b1c3d2e6f708192a3b4c5d6e7f80910203";

/** How the server treats one file. */
export interface FakeFile {
  readonly content: Uint8Array;
  /** Large files are answered with a redirect to another server, and named by their SHA-256. */
  readonly large?: boolean;
  /** Connections that are cut after so many bytes, one after another, before one is left whole. */
  readonly cuts?: number[];
  /** Announced in place of the true SHA-256. */
  readonly sha256?: string;
  /** Bytes that are sent in place of the content, so many times. */
  readonly wrong?: { content: Uint8Array; times: number };
  /** Answers of the file's routes before the right one. */
  readonly statuses?: { status: number; headers?: Record<string, string> }[];
  /** Milliseconds between pieces of the body. */
  readonly delayMs?: number;
  /** True when the store knows no ranges. */
  readonly noRange?: boolean;
  /** Sends nothing, ever. */
  readonly silent?: boolean;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  readonly server: "hub" | "store";
}

/** A server that speaks the hub's file routes, and the store to which it redirects large files. */
export class FakeHub {
  readonly files = new Map<string, FakeFile>();
  readonly requests: Request[] = [];
  /** When set, the hub asks for it. */
  token: string | undefined;
  commit = commit;
  readonly id = "painter/tiny-model";
  readonly #hub: Server;
  readonly #store: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#answerHub(request, response));
    this.#store = createServer((request, response) => this.#answerStore(request, response));
  }

  static async start(): Promise<FakeHub> {
    const fake = new FakeHub();
    for (const server of [fake.#hub, fake.#store]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get store(): string {
    return `http://127.0.0.1:${(this.#store.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #note(request: IncomingMessage, server: Request["server"]): void {
    this.requests.push({
      method: request.method!,
      path: request.url!,
      range: request.headers.range,
      authorization: request.headers.authorization,
      server,
    });
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request, "hub");
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
      response
        .writeHead(401, { "x-error-code": "GatedRepo", "x-error-message": "Access to this model is gated." })
        .end();
      return;
    }
    // A repository that was renamed: the old name leads to the new one.
    if (request.url!.startsWith("/painter/old-name/")) {
      response.writeHead(307, { location: request.url!.replace("old-name", "tiny-model") }).end();
      return;
    }
    const [, repository, revision, name] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(request.url!) ?? [];
    if (repository !== this.id) {
      response.writeHead(404, { "x-error-code": "RepoNotFound" }).end();
      return;
    }
    if (!["main", "a%2Fbranch", this.commit].includes(revision!)) {
      response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end();
      return;
    }
    const file = this.files.get(decodeURIComponent(name!));
    if (file === undefined) {
      response.writeHead(404, { "x-error-code": "EntryNotFound", "x-repo-commit": this.commit }).end();
      return;
    }
    const refusal = file.statuses?.shift();
    if (refusal !== undefined) {
      response.writeHead(refusal.status, refusal.headers).end();
      return;
    }
    const sha256 = file.sha256 ?? createHash("sha256").update(file.content).digest("hex");
    if (file.large) {
      response
        .writeHead(302, {
          location: `${this.store}/${sha256}?signature=1&name=${name}`,
          "x-repo-commit": this.commit,
          "x-linked-etag": `"${sha256}"`,
          "x-linked-size": String(file.content.length),
          etag: '"the-redirects-own"',
          "content-length": "0",
        })
        .end();
      return;
    }
    const git = createHash("sha1").update(`blob ${file.content.length}\0`).update(file.content).digest("hex");
    this.#deliver(file, request, response, { etag: `"${git}"`, "x-repo-commit": this.commit });
  }

  #answerStore(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request, "store");
    const url = new URL(request.url!, this.store);
    // Below /plain/ it is an ordinary web server.
    const name = url.pathname.startsWith("/plain/") ? url.pathname.slice(7) : url.searchParams.get("name")!;
    const file = this.files.get(decodeURIComponent(name));
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    const etag = createHash("md5").update(file.content).digest("hex");
    this.#deliver(file, request, response, { etag: `W/"${etag}"` });
  }

  #deliver(file: FakeFile, request: IncomingMessage, response: ServerResponse, headers: Record<string, string>): void {
    if (file.silent) {
      return;
    }
    let content = file.content;
    if (request.method === "GET" && file.wrong !== undefined && file.wrong.times > 0) {
      file.wrong.times -= 1;
      content = file.wrong.content;
    }
    const start = file.noRange ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const body = content.subarray(start);
    const whole = {
      ...headers,
      "content-length": String(body.length),
      ...(start > 0 && { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` }),
    };
    if (start > 0 && start >= content.length) {
      response.writeHead(416).end();
      return;
    }
    response.writeHead(start > 0 ? 206 : 200, whole);
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const cut = file.cuts?.shift();
    if (cut !== undefined) {
      response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
      return;
    }
    if (file.delayMs === undefined) {
      response.end(body);
      return;
    }
    const piece = Math.ceil(content.length / 20);
    const send = (offset: number): void => {
      if (offset >= body.length) {
        response.end();
        return;
      }
      response.write(body.subarray(offset, offset + piece));
      setTimeout(() => send(offset + piece), file.delayMs);
    };
    send(0);
  }
}

/** Bytes without a pattern, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}
