import { apiUrl } from "../lib/api";
import { strings } from "../strings";
import { TransferRate } from "./transfer-rate";
import { problemOf, refusalOf, type UploadProblem } from "./upload-problem";

export type UploadStage =
  | { name: "idle" }
  /** All bytes gone and no answer yet: `sent_bytes` is `file.size`. */
  | { name: "sending"; file: File; sent_bytes: number; rate_bytes_per_s: number | null }
  | { name: "sent"; file: File; id: string }
  | { name: "failed"; file: File | null; problem: UploadProblem };

/** One upload at a time, from the choice of a file to the id of its video. */
export class Upload {
  stage = $state.raw<UploadStage>({ name: "idle" });
  #request: XMLHttpRequest | null = null;

  choose(files: readonly File[], token: string): void {
    const [file] = files;
    if (this.#request || !file) return;
    const problem = refusalOf(files);
    if (problem) this.stage = { name: "failed", file: null, problem };
    else this.#send(file, token);
  }

  retry(token: string): void {
    if (this.stage.name === "failed" && this.stage.file) this.#send(this.stage.file, token);
  }

  cancel(): void {
    this.#request?.abort();
    this.reset();
  }

  reset(): void {
    this.#request = null;
    this.stage = { name: "idle" };
  }

  /** fetch() reports no progress of what it sends; XMLHttpRequest does. */
  #send(file: File, token: string): void {
    const request = new XMLHttpRequest();
    const rate = new TransferRate();
    this.#request = request;
    this.stage = { name: "sending", file, sent_bytes: 0, rate_bytes_per_s: null };

    request.upload.onprogress = ({ loaded, total }) => {
      // The form's own few bytes are not the file's.
      const sent_bytes = Math.max(0, Math.min(file.size, loaded - (total - file.size)));
      const rate_bytes_per_s = rate.add(performance.now(), sent_bytes);
      this.stage = { name: "sending", file, sent_bytes, rate_bytes_per_s };
    };
    request.onload = () => this.#answered(file, request.status, request.responseText);
    request.onerror = () => this.#answered(file, 0, "");

    const form = new FormData();
    form.append("file", file);
    request.open("POST", apiUrl("upload"));
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.send(form);
  }

  #answered(file: File, httpStatus: number, body: string): void {
    this.#request = null;
    const id = httpStatus === 201 ? idOf(body) : null;
    if (id !== null) {
      this.stage = { name: "sent", file, id };
    } else if (httpStatus === 201) {
      const message = strings.uploadProblem.server;
      this.stage = { name: "failed", file, problem: { kind: "server", message } };
    } else {
      this.stage = { name: "failed", file, problem: problemOf(httpStatus, body) };
    }
  }
}

function idOf(body: string): string | null {
  try {
    const { id } = JSON.parse(body) as { id?: unknown };
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}
