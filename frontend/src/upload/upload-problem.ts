import { errorOf } from "../lib/api";
import { strings } from "../strings";

/** An answer other than the one hoped for; none at all has the status 0. */
export interface Failure {
  status: number;
  body: string;
  retry_after_s: number | null;
}

/** Why an upload does not go on. */
export interface UploadProblem {
  /** `token`, `link`: another one may do; `file`: none will; `gone`: only from the start. */
  kind: "token" | "link" | "file" | "gone" | "server" | "network";
  message: string;
  /** Whether to try again without being asked, each time later unless the server says when. */
  again: "never" | "at-once" | "some-times" | "always";
  retry_after_s: number | null;
}

const text = strings.uploadProblem;
/** After so many answers in a row that are the server's fault, a person decides. */
const SOME_TIMES = 6;
const LONGEST_DELAY_MS = 30_000;

/** What the person at the page is told, and what to do about it. */
export function problemOf({ status, body, retry_after_s }: Failure): UploadProblem {
  const error = errorOf(body);
  const problem = (
    kind: UploadProblem["kind"],
    message: string,
    again: UploadProblem["again"] = "never",
  ) => ({ kind, message, again, retry_after_s });

  if (error?.code === "link_spent") return problem("link", text.linkSpent);
  if (error?.code === "link_expired") return problem("link", text.linkExpired);
  switch (status) {
    case 0:
      return problem("network", text.network, "always");
    case 401:
      return problem("token", text.unauthorized);
    case 404:
    case 410:
      return problem("gone", text.gone);
    case 413:
      return problem("file", text.tooLarge);
    case 415:
      return problem("file", error?.message ?? text.notAccepted);
    // Another request was at work, such as one that the browser sent twice: how far it came is asked anew.
    case 409:
    case 423:
      return problem("server", text.busy, "at-once");
    case 429:
      return problem("server", text.rateLimited, "always");
    case 503:
      return problem("server", text.busy, "always");
    default:
      return status >= 500
        ? problem("server", text.server, "some-times")
        : problem("server", error?.message ?? text.notAccepted);
  }
}

/** How long to wait before the next attempt, after `attempts` in a row in vain; null to leave it to a person. */
export function retryDelayMs(problem: UploadProblem, attempts: number): number | null {
  if (problem.again === "at-once" && attempts === 0) return 0;
  if (problem.again === "never") return null;
  if (problem.again !== "always" && attempts >= SOME_TIMES) return null;
  const delay_ms = Math.min(LONGEST_DELAY_MS, 1000 * 2 ** attempts);
  return Math.max(delay_ms, (problem.retry_after_s ?? 0) * 1000);
}
