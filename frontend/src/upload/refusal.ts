import { formatBytes } from "../lib/format";
import { strings } from "../strings";

/** Why a file is not sent at all. */
export interface Refusal {
  name: string;
  message: string;
}

const text = strings.refusal;

/** These are videos, whatever the system takes them for: `.ts` is TypeScript to some. */
const VIDEO =
  /\.(mp4|m4v|mov|qt|mkv|webm|avi|ts|mts|m2ts|m2t|mpe?g|mpv|m1v|m2v|vob|flv|f4v|wmv|asf|3gp|3g2|ogv|ogm|mxf|dv|divx|rm|rmvb|y4m|nut)$/i;
/** By name, what is surely something else. What is not known may well be a video. */
const OTHER =
  /\.(jpe?g|png|gif|webp|heic|heif|avif|bmp|svg|tiff?|psd|pdf|docx?|xlsx?|pptx?|odt|ods|odp|pages|txt|md|csv|json|xml|html?|css|jsx?|srt|vtt|ass|mp3|wav|flac|aac|m4a|zip|rar|7z|gz|xz|tar|iso|dmg|exe|msi|apk|deb|rpm)$/i;
const OTHER_TYPE =
  /^(image|text|font)\/|^audio\/(mpeg|wav|x-wav|flac|x-flac|aac)$|^application\/(pdf|zip|json|msword|vnd\.(ms-|openxmlformats|oasis))/;

/** What is wrong with a file before a byte is sent; null when nothing is. */
export function refusalOf(file: File, max_bytes: number | null): Refusal | null {
  const { name, size } = file;
  if (size === 0) return { name, message: text.empty };
  const isOther = OTHER.test(name) || OTHER_TYPE.test(file.type);
  if (isOther && !VIDEO.test(name)) return { name, message: text.noVideo };
  if (max_bytes !== null && size > max_bytes) {
    return { name, message: text.tooLarge(formatBytes(size), formatBytes(max_bytes)) };
  }
  return null;
}
