import { formatBytes, formatWait, wholePercent } from "../lib/format";
import { strings } from "../strings";
import type { OneUpload } from "./one-upload.svelte";

const text = strings.upload;

type Figures = Pick<
  OneUpload,
  "state" | "size_bytes" | "sent_bytes" | "rate_bytes_per_s" | "id" | "handle"
>;

/** What a row says of its upload. */
export function wordsOf(upload: Figures, hasToken: boolean, now_ms: number): string {
  const { state, size_bytes, sent_bytes, rate_bytes_per_s: rate } = upload;
  const sent = formatBytes(sent_bytes);
  const total = formatBytes(size_bytes);
  switch (state.name) {
    case "unfinished": {
      const next = upload.handle ? text.unfinishedHandle : text.unfinishedFile;
      return `${text.unfinished(sent, total)} ${next}`;
    }
    case "waiting":
      return `${hasToken ? text.waiting : text.waitingForToken} · ${total}`;
    case "sending": {
      if (sent_bytes >= size_bytes) return text.finishing;
      const parts = [text.sent(sent, total)];
      if (rate !== null) parts.push(text.speed(formatBytes(rate)));
      if (rate) parts.push(text.timeLeft(formatWait((size_bytes - sent_bytes) / rate)));
      return parts.join(" · ");
    }
    case "retrying": {
      const wait_s = Math.max(1, (state.at_ms - now_ms) / 1000);
      return `${state.problem.message} ${text.againIn(formatWait(wait_s))}`;
    }
    case "paused":
      return text.paused(sent, total);
    case "failed":
      return state.problem.message;
    case "sent":
      return total;
  }
}

/** What a screen reader hears of it: turns, and each quarter on the way. */
export function announcementOf({ state, sent_bytes, size_bytes, id }: Figures): string {
  const say = text.announce;
  const quarter = Math.floor(wholePercent(sent_bytes / size_bytes) / 25) * 25;
  switch (state.name) {
    case "waiting":
      return say.waiting;
    case "sending":
      return `${say.sending(quarter)}${id === null ? "" : `, ${say.linkReady}`}`;
    case "retrying":
      return say.retrying;
    case "paused":
      return say.paused;
    case "sent":
      return say.sent;
    // These are seen, and read as alerts.
    case "unfinished":
    case "failed":
      return "";
  }
}
