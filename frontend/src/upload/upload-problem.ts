import { errorOf } from "../lib/api";
import { strings } from "../strings";

/** Why an upload ended without a video. */
export interface UploadProblem {
  kind: "token" | "file" | "server" | "network";
  message: string;
}

const text = strings.uploadProblem;

/** What the person at the page is told about an answer other than 201. */
export function problemOf(httpStatus: number, body: string): UploadProblem {
  const error = errorOf(body);
  const said = error?.message;
  // Another token may do.
  if (said && error.code.startsWith("link_")) return { kind: "token", message: said };
  switch (httpStatus) {
    case 0:
      return { kind: "network", message: text.network };
    case 401:
    case 403:
      return { kind: "token", message: text.unauthorized };
    case 413:
      return { kind: "file", message: text.tooLarge };
    case 429:
      return { kind: "server", message: said ?? text.server };
    default:
      return httpStatus >= 500
        ? { kind: "server", message: text.server }
        : { kind: "file", message: said ?? text.notAccepted };
  }
}

/** What is wrong with a choice of files before a byte is sent; null when nothing is. */
export function refusalOf(files: readonly File[]): UploadProblem | null {
  if (files.length > 1) return { kind: "file", message: text.oneAtATime };
  if (files[0]?.size === 0) return { kind: "file", message: text.empty };
  return null;
}
