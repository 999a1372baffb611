import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LoadingError, type LoadingOptions, type LoadingProgress, Repository } from "../../src/hub/index.js";
import { commit, FakeHub, noise } from "./fake-hub.js";

const large = noise(300_000);
const sha256 = createHash("sha256").update(large).digest("hex");
const small = new TextEncoder().encode('{"a":1}');

let hub: FakeHub;
let cache: string;

beforeEach(async () => {
  hub = await FakeHub.start();
  cache = await mkdtemp(join(tmpdir(), "images-hub-"));
  hub.files.set("config.json", { content: small });
  hub.files.set("unet/weights.safetensors", { content: large, large: true });
});
afterEach(async () => {
  await hub.stop();
  await rm(cache, { recursive: true, force: true });
});

const open = (options: LoadingOptions = {}, source = hub.id): Promise<Repository> =>
  Repository.open(source, { endpoint: hub.endpoint, cacheDirectory: cache, token: false, ...options }, {});
const folder = (): string => join(cache, "models--painter--tiny-model");
const blobs = async (): Promise<string[]> => (await readdir(join(folder(), "blobs"))).sort();
const failure = async (promise: Promise<unknown>): Promise<LoadingError> =>
  promise.then(
    () => expect.fail("nothing was thrown"),
    (error: LoadingError) => error,
  );
const holds = async (path: string, content: Uint8Array): Promise<boolean> => (await readFile(path)).equals(content);
const wait = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

describe("the cache", () => {
  it("has the layout that the hub publishes: contents by etag, commits of links, and what main means", async () => {
    const [config, weights] = await (await open()).files(["config.json", "unet/weights.safetensors"]);
    expect(await holds(weights!, large)).toBe(true);
    expect(config).toBe(join(folder(), "snapshots", commit, "config.json"));
    const git = createHash("sha1").update(`blob ${small.length}\0`).update(small).digest("hex");
    expect(await blobs()).toEqual([git, sha256].sort());
    expect(await readlink(config!)).toBe(join("..", "..", "blobs", git));
    expect(await readlink(weights!)).toBe(join("..", "..", "..", "blobs", sha256));
    expect(await readFile(join(folder(), "refs", "main"), "utf8")).toBe(commit);
  });

  it("gives what is there without downloading it again, and all of it without any network", async () => {
    const files = ["config.json", "unet/weights.safetensors"];
    const paths = await (await open()).files(files);
    hub.requests.length = 0;
    expect(await (await open()).files(files)).toEqual(paths);
    // Once main's commit is known, what is in the cache needs no question.
    expect(hub.requests.map(({ method }) => method)).toEqual(["HEAD"]);
    hub.requests.length = 0;
    expect(await (await open({ localFilesOnly: true })).files(files)).toEqual(paths);
    expect(await (await open({ revision: commit })).files(files)).toEqual(paths);
    expect(hub.requests).toEqual([]);
    const repository = await open();
    await hub.stop();
    expect(await repository.files(files)).toEqual(paths);
  });

  it("reads what Python has kept, branches with a slash too", async () => {
    const other = "a".repeat(40);
    await mkdir(join(folder(), "refs", "a"), { recursive: true });
    await mkdir(join(folder(), "snapshots", other), { recursive: true });
    await writeFile(join(folder(), "refs", "a", "branch"), other);
    await writeFile(join(folder(), "snapshots", other, "config.json"), small);
    const repository = await open({ localFilesOnly: true, revision: "a/branch" });
    expect(await repository.files(["config.json"])).toEqual([join(folder(), "snapshots", other, "config.json")]);
    expect(await (await open({ revision: "a/branch" })).has("unet/weights.safetensors")).toBe(true);
  });

  it("keeps an older commit when main moves on, and shares equal contents", async () => {
    const [before] = await (await open()).files(["unet/weights.safetensors"]);
    hub.commit = "b".repeat(40);
    hub.requests.length = 0;
    const [after] = await (await open()).files(["unet/weights.safetensors"]);
    expect(after).not.toBe(before);
    expect((await stat(after!)).ino).toBe((await stat(before!)).ino);
    expect(hub.requests.map(({ method }) => method)).toEqual(["HEAD"]);
    expect(await readFile(join(folder(), "refs", "main"), "utf8")).toBe(hub.commit);
  });

  it("takes all files of one object from one commit, though main moves on in between", async () => {
    const repository = await open();
    await repository.files(["config.json"]);
    hub.commit = "b".repeat(40);
    const error = await failure(repository.files(["unet/weights.safetensors"]));
    expect(error.address).toContain(`/resolve/${commit}/`);
    expect(error.message).toContain("no such revision");
  });

  it("takes all of them from the commit in the cache, when the hub fails for the first and then moves on", async () => {
    const files = ["config.json", "unet/weights.safetensors"];
    const paths = await (await open()).files(files);
    hub.commit = "b".repeat(40);
    hub.files.set("config.json", { content: small, statuses: [{ status: 503 }] });
    expect(await (await open()).files(files)).toEqual(paths);
  });

  it("is found where the environment variables say", async () => {
    const located = async (variables: Record<string, string>): Promise<string> => {
      const repository = await Repository.open("painter/tiny-model", { localFilesOnly: true }, variables);
      const error = await failure(repository.files(["config.json"]));
      return /put it at (\S+?);/.exec(error.message)![1]!;
    };
    const place = join("models--painter--tiny-model", "snapshots", "main", "config.json");
    expect(await located({ HF_HUB_CACHE: "/a/b" })).toBe(join("/a/b", place));
    expect(await located({ HF_HOME: "/a", HF_HUB_CACHE: "" })).toBe(join("/a/hub", place));
    expect(await located({ XDG_CACHE_HOME: "/x" })).toBe(join("/x/huggingface/hub", place));
    expect(await located({ ROOM: "/r", HF_HOME: "$ROOM/hf" })).toBe(join("/r/hf/hub", place));
    expect(await located({})).toMatch(/\.cache.huggingface.hub/);
  });
});

describe("downloads", () => {
  it("never send the token to the store", async () => {
    hub.token = "hf_secret";
    const repository = await Repository.open(
      hub.id,
      { cacheDirectory: cache },
      { HF_ENDPOINT: `${hub.endpoint}/`, HF_TOKEN: "hf_secret" },
    );
    await repository.files(["config.json", "unet/weights.safetensors"]);
    const sent = (server: string): unknown[] =>
      hub.requests.filter((request) => request.server === server).map(({ authorization }) => authorization);
    expect(new Set(sent("hub"))).toEqual(new Set(["Bearer hf_secret"]));
    expect(sent("store")).toEqual([undefined]);
  });

  it("read the token that a login has kept, unless told not to", async () => {
    hub.token = "hf_kept";
    await writeFile(join(cache, "token"), "hf_kept\n");
    const variables = { HF_HOME: cache, HF_ENDPOINT: hub.endpoint };
    expect(await (await Repository.open(hub.id, {}, variables)).has("config.json")).toBe(true);
    for (const [options, more] of [
      [{ token: false as const }, {}],
      [{}, { HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }],
    ] as const) {
      const repository = await Repository.open(hub.id, options, { ...variables, ...more });
      expect((await failure(repository.has("config.json"))).failure).toBe("forbidden");
    }
  });

  it("go on after connections that are cut, from where they were", async () => {
    hub.files.set("unet/weights.safetensors", { content: large, large: true, cuts: [100_000, 50_000, 0] });
    const [path] = await (await open()).files(["unet/weights.safetensors"]);
    expect(await holds(path!, large)).toBe(true);
    const ranges = hub.requests.filter(({ server }) => server === "store").map(({ range }) => range);
    expect(ranges.length).toBe(4);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1).every((range) => Number(/\d+/.exec(range!)![0]) > 0)).toBe(true);
    expect(await blobs()).toEqual([sha256]);
  });

  it("start again where the server knows no ranges", async () => {
    hub.files.set("unet/weights.safetensors", { content: large, large: true, cuts: [100_000], noRange: true });
    const [path] = await (await open()).files(["unet/weights.safetensors"]);
    expect(await holds(path!, large)).toBe(true);
  });

  it("end as an error after too many failures, and are continued the next time", async () => {
    hub.files.set("unet/weights.safetensors", { content: large, large: true, cuts: [100_000, 0, 0] });
    const error = await failure((await open({ retries: 1 })).files(["unet/weights.safetensors"]));
    expect(error).toMatchObject({ name: "LoadingError", failure: "network", file: "unet/weights.safetensors" });
    expect(error.message).toContain("after 2 attempts");
    expect((await blobs()).map((name) => name.replace(/free-0-\w{8}/, "free"))).toEqual([`${sha256}.free.incomplete`]);
    hub.files.set("unet/weights.safetensors", { content: large, large: true });
    hub.requests.length = 0;
    const [path] = await (await open()).files(["unet/weights.safetensors"]);
    expect(await holds(path!, large)).toBe(true);
    expect(hub.requests.at(-1)!.range).toMatch(/^bytes=[1-9]/);
    expect(await blobs()).toEqual([sha256]);
  });

  it("continue what a process left that was killed", async () => {
    await mkdir(join(folder(), "blobs"), { recursive: true });
    const dead = `${sha256}.on_${hostname().replace(/\W/g, "_")}-99999999-01234567.incomplete`;
    await writeFile(join(folder(), "blobs", dead), large.subarray(0, 123_456));
    const [path] = await (await open()).files(["unet/weights.safetensors"]);
    expect(hub.requests.at(-1)!.range).toBe("bytes=123456-");
    expect(await holds(path!, large)).toBe(true);
  });

  it("wait for another process, and continue its part when it ends without having finished", async () => {
    const other = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"], { stdio: "ignore" });
    const ended = new Promise((resolve) => other.on("close", resolve));
    await mkdir(join(folder(), "blobs"), { recursive: true });
    const part = `${sha256}.on_${hostname().replace(/\W/g, "_")}-${other.pid}-01234567.incomplete`;
    await writeFile(join(folder(), "blobs", part), large.subarray(0, 99_999));
    const loading = (await open()).files(["unet/weights.safetensors"]);
    await wait(500);
    expect(await blobs()).toEqual([part]);
    other.kill("SIGKILL");
    await ended;
    expect(await holds((await loading)[0]!, large)).toBe(true);
    expect(hub.requests.filter(({ server }) => server === "store").map(({ range }) => range)).toEqual(["bytes=99999-"]);
    expect(await blobs()).toEqual([sha256]);
  });

  it("throw a damaged part away and fetch it once more", async () => {
    await mkdir(join(folder(), "blobs"), { recursive: true });
    const left = `${sha256}.free-0-01234567.incomplete`;
    await writeFile(join(folder(), "blobs", left), noise(200_000, 2));
    const [path] = await (await open()).files(["unet/weights.safetensors"]);
    expect(await holds(path!, large)).toBe(true);
    expect(hub.requests.filter(({ server }) => server === "store").map(({ range }) => range)).toEqual([
      "bytes=200000-",
      undefined,
    ]);
  });

  it("refuse content of the wrong hash, and keep none of it", async () => {
    hub.files.set("unet/weights.safetensors", {
      content: large,
      large: true,
      wrong: { content: noise(300_000, 3), times: 9 },
    });
    const error = await failure((await open()).files(["unet/weights.safetensors"]));
    expect(error).toMatchObject({ failure: "damaged", file: "unet/weights.safetensors" });
    expect(error.message).toContain(sha256);
    expect(await blobs()).toEqual([]);
    hub.files.set("unet/weights.safetensors", {
      content: large,
      large: true,
      wrong: { content: noise(300_000, 3), times: 1 },
    });
    const [path] = await (await open()).files(["unet/weights.safetensors"]);
    expect(await holds(path!, large)).toBe(true);
  });

  it("wait as long as a busy server asks", async () => {
    hub.files.set("config.json", {
      content: small,
      statuses: [
        { status: 429, headers: { "retry-after": "0" } },
        { status: 503, headers: { "retry-after": "0.01" } },
      ],
    });
    expect(await (await open()).has("config.json")).toBe(true);
    hub.files.set("config.json", { content: small, statuses: [{ status: 429, headers: { "retry-after": "3600" } }] });
    const error = await failure((await open()).has("config.json"));
    expect(error).toMatchObject({ failure: "refused", status: 429 });
    expect(error.message).toContain("asks to wait 3600 s");
  });

  it("give up on a server that is silent", async () => {
    hub.files.set("config.json", { content: small, silent: true });
    const error = await failure((await open({ timeoutMs: 100, retries: 0 })).has("config.json"));
    expect(error).toMatchObject({ failure: "network" });
    expect(error.message).toContain("no answer for 0.1 s");
  });

  it("stop with the signal, and keep what is there", async () => {
    hub.files.set("unet/weights.safetensors", { content: large, large: true, delayMs: 20 });
    const controller = new AbortController();
    const onProgress = ({ loadedBytes }: LoadingProgress): void => {
      if (loadedBytes > 100_000) controller.abort("enough");
    };
    const promise = (await open({ signal: controller.signal, onProgress })).files(["unet/weights.safetensors"]);
    await expect(promise).rejects.toMatchObject({ name: "AbortError", reason: "enough" });
    const [left] = await blobs();
    expect((await stat(join(folder(), "blobs", left!))).size).toBeGreaterThan(90_000);
    await (await open()).files(["unet/weights.safetensors"]);
    expect(hub.requests.at(-1)!.range).toMatch(/^bytes=[1-9]/);
  });

  it("report one progress over all files: rising, of one total, ending at it", async () => {
    hub.files.set("unet/weights.safetensors", { content: large, large: true, cuts: [100_000], noRange: true });
    const seen: LoadingProgress[] = [];
    await (await open({ onProgress: (progress) => seen.push(progress) })).files([
      "config.json",
      "unet/weights.safetensors",
    ]);
    const loaded = seen.map(({ loadedBytes }) => loadedBytes);
    expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
    expect(new Set(seen.map(({ totalBytes }) => totalBytes))).toEqual(new Set([large.length + small.length]));
    expect(loaded.at(-1)).toBe(large.length + small.length);
  });

  it("by two at once share one transfer, and both end with the whole file", async () => {
    hub.files.set("unet/weights.safetensors", { content: large, large: true, delayMs: 15 });
    const first = (await open()).files(["unet/weights.safetensors"]);
    await wait(100);
    const second = (await open()).files(["unet/weights.safetensors"]);
    const paths = (await Promise.all([first, second])).flat();
    for (const path of paths) expect(await holds(path, large)).toBe(true);
    expect(hub.requests.filter(({ server }) => server === "store").length).toBe(1);
    expect(await blobs()).toEqual([sha256]);
  });

  it("by many at the very same time spoil nothing", async () => {
    const all = await Promise.all(
      Array.from({ length: 6 }, async () => (await open()).files(["unet/weights.safetensors", "config.json"])),
    );
    for (const [weights] of all) expect(await holds(weights!, large)).toBe(true);
    expect((await blobs()).length).toBe(2);
    expect((await lstat(all[0]![0]!)).isSymbolicLink()).toBe(true);
    expect((await readdir(join(folder(), "snapshots", commit, "unet"))).length).toBe(1);
  });

  it("of an empty file work", async () => {
    hub.files.set("empty.txt", { content: new Uint8Array(0) });
    const [path] = await (await open()).files(["empty.txt"]);
    expect((await stat(path!)).size).toBe(0);
  });
});

describe("sources", () => {
  it("may be a repository that was renamed", async () => {
    const [path] = await (await open({}, "painter/old-name")).files(["config.json"]);
    expect(path).toBe(join(cache, "models--painter--old-name", "snapshots", commit, "config.json"));
  });

  it("may be a folder, without any network", async () => {
    await mkdir(join(cache, "model", "unet"), { recursive: true });
    await writeFile(join(cache, "model", "unet", "config.json"), small);
    const repository = await open({}, join(cache, "model"));
    expect(await repository.files(["unet/config.json"])).toEqual([join(cache, "model", "unet", "config.json")]);
    const error = await failure(repository.files(["weights.safetensors"]));
    expect(error).toMatchObject({ failure: "missing", address: join(cache, "model", "weights.safetensors") });
    expect(hub.requests).toEqual([]);
  });

  it("may be any address: kept by what the server calls the content, fetched again when that changes", async () => {
    hub.files.set("net/model.onnx", { content: large });
    const source = `${hub.store}/plain/net`;
    const [path] = await (await open({}, source)).files(["model.onnx"]);
    expect(await holds(path!, large)).toBe(true);
    hub.requests.length = 0;
    await (await open({}, source)).files(["model.onnx"]);
    expect(hub.requests.map(({ method }) => method)).toEqual(["HEAD"]);
    expect(await (await open({ localFilesOnly: true }, source)).files(["model.onnx"])).toEqual([path]);
    hub.files.set("net/model.onnx", { content: small });
    const [again] = await (await open({}, source)).files(["model.onnx"]);
    expect(await holds(again!, small)).toBe(true);
    expect(await (await open({}, source)).has("other.onnx")).toBe(false);
  });

  it.each([
    ["", "must be a hub id"],
    ["nobody", "no folder"],
    ["a/b/c", "no folder"],
    ["http://", "no address"],
    ["https://example.com/model?x=1", 'without "?x=1"'],
  ])("refuse %j", async (source, message) => {
    await expect(open({}, source)).rejects.toThrow(message);
  });

  it("refuse a file where a folder is needed, and names that lead elsewhere", async () => {
    await writeFile(join(cache, "file.safetensors"), small);
    await expect(open({}, join(cache, "file.safetensors"))).rejects.toThrow("give the folder that holds it");
    const repository = await open();
    for (const file of ["../config.json", "a//b", "/etc/passwd", "a/./b", ""]) {
      await expect(repository.has(file)).rejects.toThrow("no path within a repository");
    }
    await expect(open({ revision: "../x" })).rejects.toThrow("no name of a branch");
  });
});

describe("what is not there", () => {
  it("is said with the file, the address, the place to put it, and what works without it", async () => {
    const error = await failure((await open({ localFilesOnly: true })).files(["config.json"]));
    const place = join(folder(), "snapshots", "main", "config.json");
    expect(error).toMatchObject({
      name: "LoadingError",
      failure: "offline",
      source: "painter/tiny-model",
      file: "config.json",
      address: `${hub.endpoint}/painter/tiny-model/resolve/main/config.json`,
    });
    for (const part of [error.address, place, "config.json of painter/tiny-model", "HF_HUB_OFFLINE", "images/scenes"]) {
      expect(error.message).toContain(part);
    }
    // Following the advice helps.
    await mkdir(join(place, ".."), { recursive: true });
    await writeFile(place, small);
    expect(await (await open({ localFilesOnly: true })).files(["config.json"])).toEqual([place]);
    const variables = { HF_HUB_OFFLINE: "1", HF_HUB_CACHE: cache, HF_ENDPOINT: hub.endpoint };
    expect(await (await Repository.open(hub.id, {}, variables)).files(["config.json"])).toEqual([place]);
    expect(hub.requests).toEqual([]);
  });

  it("is said the same way when nobody answers", async () => {
    const repository = await open({ retries: 0 });
    await hub.stop();
    const error = await failure(repository.files(["config.json"]));
    expect(error.failure).toBe("network");
    expect(error.message).toMatch(/ECONNREFUSED.*or give a folder that holds.*images\/scenes .* works now/);
  });

  it("is told apart: file, repository, revision, permission", async () => {
    const repository = await open();
    expect(await repository.has("none.json")).toBe(false);
    const absent = await failure(repository.first(["none.json", "neither.json"]));
    expect(absent.message).toContain("has no none.json (nor neither.json)");
    expect(await repository.first(["none.json", "config.json"])).toBe("config.json");
    expect((await failure((await open({}, "painter/nothing")).has("config.json"))).message).toContain("does not exist");
    expect((await failure((await open({ revision: "v9" })).has("config.json"))).message).toContain("no such revision");
    hub.token = "hf_secret";
    const forbidden = await failure((await open()).has("config.json"));
    expect(forbidden).toMatchObject({ failure: "forbidden", status: 401 });
    expect(forbidden.message).toMatch(/gated.*HF_TOKEN/);
  });

  it("is no mystery where the cache cannot be written", async () => {
    const file = join(cache, "file");
    await writeFile(file, small);
    const loading = (await open({ cacheDirectory: file })).files(["config.json"]);
    await expect(loading).rejects.toMatchObject({ name: "FileError" });
    await expect(loading).rejects.toThrow(/ENOTDIR|EEXIST/);
    expect(await readdir(cache)).toEqual(["file"]);
  });
});
