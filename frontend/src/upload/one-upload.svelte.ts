import { linkOf } from "../lib/link-token";
import { strings } from "../strings";
import type { ChosenFile } from "./chosen-files";
import { fingerprintOf, isSameFile, type Fingerprint } from "./fingerprint";
import { holdUpload, type KeptUpload, type KeptUploads } from "./kept-uploads";
import { TransferRate } from "./transfer-rate";
import { endpoint, idOf, LOOKED_AT_BYTES, send, terminate, type Stored } from "./tus-sender";
import { problemOf, retryDelayMs, type Failure, type UploadProblem } from "./upload-problem";

export type UploadState =
  /** Begun on an earlier visit; its file is not at hand. */
  | { name: "unfinished" }
  | { name: "waiting" }
  | { name: "sending" }
  /** By itself, at this time. */
  | { name: "retrying"; problem: UploadProblem; at_ms: number }
  | { name: "paused" }
  | { name: "failed"; problem: UploadProblem }
  | { name: "sent" };

/** A line on which nothing moved for so long is given up for a new one: nobody says that it is dead. */
const STALL_MS = 45_000;
const KEEP_EACH_MS = 2_000;

/** One file on its way to the server, from its choice to the last byte. */
export class OneUpload {
  readonly name: string;
  readonly size_bytes: number;
  state = $state.raw<UploadState>({ name: "waiting" });
  sent_bytes = $state(0);
  rate_bytes_per_s = $state<number | null>(null);
  /** The video's, once the server has looked at the first bytes: from then on its link can be shared. */
  id = $state<string | null>(null);
  /** The token of the one-time link that it is sent by. */
  link_token: string | null;
  /** By it the file can be read again after a reload; null where there is none, or it no longer can. */
  handle = $state.raw<FileSystemFileHandle | null>(null);

  #file: File | null = null;
  #fingerprint: Fingerprint | null = null;
  #stored: Stored | null = null;
  #token: string | null = null;
  #failures = 0;
  #kept_at_ms = 0;
  /** Ends the request or the wait that is under way. */
  #stop: () => void = () => undefined;
  /** Lets other tabs go on with it. */
  #release: (() => void) | null = null;
  readonly #keeper: KeptUploads;
  /** Told when it needs the line, or no longer does. */
  readonly #onturn: () => void;

  private constructor(
    { name, size_bytes }: Pick<Fingerprint, "name" | "size_bytes">,
    link_token: string | null,
    handle: FileSystemFileHandle | null,
    keeper: KeptUploads,
    onturn: () => void,
  ) {
    this.name = name;
    this.size_bytes = size_bytes;
    this.link_token = link_token;
    this.handle = handle;
    this.#keeper = keeper;
    this.#onturn = onturn;
  }

  static ofFile(
    { file, handle }: ChosenFile,
    link_token: string | null,
    keeper: KeptUploads,
    onturn: () => void,
  ): OneUpload {
    const named = { name: file.name, size_bytes: file.size };
    const upload = new OneUpload(named, link_token, handle, keeper, onturn);
    upload.#file = file;
    return upload;
  }

  /** `release` lets go of what keeps other tabs from it. */
  static ofKept(
    kept: KeptUpload,
    release: () => void,
    keeper: KeptUploads,
    onturn: () => void,
  ): OneUpload {
    const upload = new OneUpload(kept, kept.link_token, kept.handle, keeper, onturn);
    const { url, sent_bytes: offset_bytes, expires_at_ms } = kept;
    upload.#fingerprint = kept;
    upload.#stored = { url, offset_bytes, expires_at_ms };
    upload.#release = release;
    upload.sent_bytes = offset_bytes;
    upload.state = { name: "unfinished" };
    return upload;
  }

  get isActive(): boolean {
    return this.state.name === "sending" || this.state.name === "retrying";
  }

  /** Takes the file of an unfinished upload; false where it is another one. */
  async takeFile({ file, handle }: ChosenFile): Promise<boolean> {
    if (file.size !== this.size_bytes || !this.#fingerprint) return false;
    const fingerprint = await fingerprintOf(file).catch(() => null);
    if (!fingerprint || !isSameFile(fingerprint, this.#fingerprint)) return false;
    this.#file = file;
    this.handle = handle ?? this.handle;
    this.resume();
    return true;
  }

  start(token: string): void {
    this.#token = token;
    void this.#send();
  }

  pause(): void {
    this.#halt({ name: "paused" });
  }

  /** Goes on when it is its turn; one that failed tries again. */
  resume(): void {
    this.#failures = 0;
    this.#halt({ name: "waiting" });
  }

  /** Has the server forget it, and this browser. */
  cancel(token: string | null): void {
    this.#halt({ name: "paused" });
    // A link's upload has its address before the server tells it.
    const link = this.link_token === null ? null : linkOf(this.link_token);
    const url = this.#stored?.url ?? (link && `${endpoint()}/${link.id}`);
    if (url && token) void terminate(url, token);
    this.#forget();
  }

  #halt(state: UploadState): void {
    this.#stop();
    this.#stop = () => undefined;
    this.rate_bytes_per_s = null;
    this.state = state;
    this.#onturn();
  }

  async #send(): Promise<void> {
    this.#stop();
    let isStopped = false;
    this.#stop = () => (isStopped = true);
    this.state = { name: "sending" };
    const file = this.#file!;
    try {
      // A file that was moved or changed meanwhile looks like a broken line to the browser.
      this.#fingerprint ??= await fingerprintOf(file);
      await file.slice(0, 1).arrayBuffer();
    } catch {
      const problem = { kind: "file", message: strings.uploadProblem.unreadable } as const;
      if (!isStopped) this.#fail({ ...problem, again: "never", retry_after_s: null });
      return;
    }
    if (isStopped) return;

    const rate = new TransferRate();
    let stalled = 0;
    const abort = send({
      file,
      token: this.#token!,
      url: this.#stored?.url ?? null,
      onstored: (stored) => this.#keep(stored),
      onsent: (sent_bytes) => {
        this.sent_bytes = sent_bytes;
        this.rate_bytes_per_s = rate.add(performance.now(), sent_bytes);
        watch();
        if (Date.now() - this.#kept_at_ms > KEEP_EACH_MS) this.#write();
      },
      onend: () => {
        this.#forget();
        this.#halt({ name: "sent" });
      },
      onfailure: (failure) => this.#failed(failure),
    });
    const lost = () => this.#failed({ status: 0, body: "", retry_after_s: null });
    const watch = () => {
      window.clearTimeout(stalled);
      if (!isStopped) stalled = window.setTimeout(lost, STALL_MS);
    };
    watch();
    window.addEventListener("offline", lost);
    this.#stop = () => {
      isStopped = true;
      window.clearTimeout(stalled);
      window.removeEventListener("offline", lost);
      abort();
    };
  }

  /** Keeps what the server has of it, to go on with. */
  #keep(stored: Stored): void {
    // To be told once more how far it came is no success.
    if (stored.offset_bytes > (this.#stored?.offset_bytes ?? -1)) this.#failures = 0;
    this.#stored = stored;
    this.sent_bytes = stored.offset_bytes;
    const id = idOf(stored.url);
    if (stored.offset_bytes >= Math.min(LOOKED_AT_BYTES, this.size_bytes)) this.id = id;
    if (!this.#release) {
      const held = holdUpload(id);
      this.#release = () => void held.then((release) => release());
    }
    this.#write();
  }

  #write(): void {
    if (!this.#fingerprint || this.#stored?.expires_at_ms == null) return;
    this.#kept_at_ms = Date.now();
    const { url, expires_at_ms } = this.#stored;
    const { link_token, sent_bytes, handle } = this;
    const kept = { ...this.#fingerprint, id: idOf(url), url, expires_at_ms };
    void this.#keeper.put({ ...kept, link_token, sent_bytes, handle });
  }

  #forget(): void {
    if (this.#stored) void this.#keeper.remove(idOf(this.#stored.url));
    this.#stored = null;
    this.#release?.();
    this.#release = null;
  }

  #failed(failure: Failure): void {
    const problem = problemOf(failure);
    const delay_ms = retryDelayMs(problem, this.#failures);
    this.#failures += 1;
    if (delay_ms === null) return this.#fail(problem);
    if (delay_ms === 0) return void this.#send();
    this.#stop();
    this.rate_bytes_per_s = null;
    this.state = { name: "retrying", problem, at_ms: Date.now() + delay_ms };
    const again = () => void this.#send();
    const timer = window.setTimeout(again, delay_ms);
    // The server's word on when to come again holds for people, too; a line that is back does not wait.
    if (problem.kind === "network") window.addEventListener("online", again, { once: true });
    this.#stop = () => {
      window.clearTimeout(timer);
      window.removeEventListener("online", again);
    };
  }

  #fail(problem: UploadProblem): void {
    // Nothing is left of it on the server.
    if (problem.kind === "gone" || problem.kind === "file") {
      this.#forget();
      this.id = null;
    }
    this.sent_bytes = this.#stored?.offset_bytes ?? 0;
    this.#halt({ name: "failed", problem });
  }
}
