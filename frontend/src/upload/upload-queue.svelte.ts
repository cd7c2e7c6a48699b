import { wholePercent } from "../lib/format";
import { strings } from "../strings";
import { fileOf, type Chosen, type ChosenFile } from "./chosen-files";
import type { Credentials } from "../lib/credentials.svelte";
import { holdUpload, type KeptUpload, type KeptUploads } from "./kept-uploads";
import { OneUpload } from "./one-upload.svelte";
import { refusalOf, type Refusal } from "./refusal";
import { largestUpload } from "./tus-sender";

/** More at once would only share the line, and end later. */
const MOST_AT_ONCE = 2;

const text = strings.upload;

/** All that this page uploads, in the order of its choice. */
export class UploadQueue {
  uploads = $state<OneUpload[]>([]);
  /** Of the last choice: what was not taken, and why. */
  refusals = $state.raw<Refusal[]>([]);
  /** What the line is there for now. */
  active = $derived(this.uploads.filter((upload) => upload.isActive));
  /** What the server takes at most; null while it is not known. */
  max_bytes = $state<number | null>(null);
  /** Why some cannot go on with the token that there is. */
  wantsToken = $derived.by((): "refused" | "link" | null => {
    const kinds = this.uploads.map(({ state }) => state.name === "failed" && state.problem.kind);
    if (kinds.includes("token")) return "refused";
    return kinds.includes("link") ? "link" : null;
  });
  /** The one upload that a link is good for. */
  byLink = $derived.by(() => {
    const { link, token } = this.#credentials;
    return link ? this.uploads.findLast(({ link_token }) => link_token === token) : undefined;
  });
  /** For the title of the window: how far all that is under way has come. */
  title = $derived.by(() => {
    const [first, ...others] = this.active;
    if (!first) return null;
    const sum = (bytes: number[]) => bytes.reduce((all, some) => all + some);
    const sent_bytes = sum(this.active.map((upload) => upload.sent_bytes));
    const total_bytes = sum(this.active.map((upload) => upload.size_bytes));
    const percent = wholePercent(sent_bytes / total_bytes);
    const name = others.length > 0 ? text.several(this.active.length) : first.name;
    return text.titleOf(percent, name);
  });

  readonly #credentials: Credentials;
  readonly #keeper: KeptUploads;
  readonly #asked = largestUpload().then((max_bytes) => (this.max_bytes = max_bytes));

  constructor(credentials: Credentials, keeper: KeptUploads) {
    this.#credentials = credentials;
    this.#keeper = keeper;
  }

  /** Shows what earlier visits left unfinished, and goes on with what the browser lets be read again. */
  async bringBack(): Promise<void> {
    const kept = await this.#keeper.list(Date.now());
    await Promise.all(kept.map((one) => this.#bringBack(one)));
  }

  async #bringBack(kept: KeptUpload): Promise<void> {
    const release = await holdUpload(kept.id);
    // The tab that held it may have come to its end.
    if (!(await this.#keeper.has(kept.id))) return release();
    const upload = OneUpload.ofKept(kept, release, this.#keeper, this.#turn);
    this.uploads.push(upload);
    await this.reread(upload, false);
  }

  /** Reads the file of an unfinished upload again, without choosing it; `ask` may show the browser's question. */
  async reread(upload: OneUpload, ask: boolean): Promise<boolean> {
    const { handle } = upload;
    const file = handle && (await fileOf(handle, ask));
    return file ? upload.takeFile({ file, handle }) : false;
  }

  async add({ files, folders }: Chosen): Promise<void> {
    const refusals: Refusal[] = folders.map((name) => ({ name, message: strings.refusal.folder }));
    const { link, token } = this.#credentials;
    const server_bytes = await this.#asked;
    const max_bytes = link ? Math.min(link.max_bytes, server_bytes ?? Infinity) : server_bytes;
    let isTaken = this.byLink !== undefined && this.byLink.state.name !== "failed";
    for (const chosen of files) {
      if (await this.#isUnfinished(chosen)) continue;
      const refusal = refusalOf(chosen.file, max_bytes);
      if (refusal) {
        refusals.push(refusal);
      } else if (isTaken) {
        refusals.push({ name: chosen.file.name, message: strings.refusal.oneByLink });
      } else {
        const link_token = link && token;
        this.uploads.push(OneUpload.ofFile(chosen, link_token, this.#keeper, this.#turn));
        isTaken = link !== null;
      }
    }
    this.refusals = refusals;
    this.#turn();
  }

  /** Goes on with an upload of the same file, where one is unfinished. */
  async #isUnfinished(chosen: ChosenFile): Promise<boolean> {
    for (const upload of this.uploads) {
      if (upload.state.name === "unfinished" && (await upload.takeFile(chosen))) return true;
    }
    return false;
  }

  remove(upload: OneUpload): void {
    if (upload.state.name !== "sent") upload.cancel(this.#tokenOf(upload));
    this.uploads = this.uploads.filter((other) => other !== upload);
    this.#turn();
  }

  /** Tries what another token was needed for with the one that there is now. */
  retryWithToken(): void {
    const { link, token } = this.#credentials;
    for (const upload of this.uploads) {
      const { state } = upload;
      const isRefused = state.name === "failed" && /^(token|link)$/.test(state.problem.kind);
      if (!isRefused) continue;
      upload.link_token = link && token;
      upload.resume();
    }
    this.#turn();
  }

  /** Lets those begin that the line is free for. */
  readonly #turn = (): void => {
    for (const upload of this.uploads) {
      const token = this.#tokenOf(upload);
      const isNext = upload.state.name === "waiting" && token !== null;
      if (isNext && this.uploads.filter(({ isActive }) => isActive).length < MOST_AT_ONCE) {
        upload.start(token);
      }
    }
  };

  /** A link's token is good for the link's own upload alone. */
  #tokenOf(upload: OneUpload): string | null {
    const { link, token, remembered } = this.#credentials;
    return upload.link_token ?? (link ? remembered : token);
  }
}
