import { api, bearer, type Schemas } from "../lib/api";

export type ListAnswer =
  | { kind: "page"; page: Schemas["VideoListPage"] }
  /** The token is not the server's. */
  | { kind: "refused" }
  | { kind: "unreachable" };

export interface ListQuery {
  limit: number;
  q?: string;
  cursor?: string;
}

/** Asks for a page. `no-cache` makes the browser revalidate by ETag: unchanged costs a 304. */
export async function fetchPage(
  token: string,
  query: ListQuery,
  signal: AbortSignal,
): Promise<ListAnswer> {
  try {
    const { data, response } = await api.GET("/api/videos", {
      params: { query },
      headers: bearer(token),
      cache: "no-cache",
      signal,
    });
    if (data) return { kind: "page", page: data };
    return { kind: response.status === 401 ? "refused" : "unreachable" };
  } catch {
    return { kind: "unreachable" };
  }
}

/** Deletes a video for good; whether it is gone. */
export async function deleteVideo(token: string, id: string): Promise<boolean> {
  try {
    const { response } = await api.DELETE("/api/video/{id}", {
      params: { path: { id } },
      headers: bearer(token),
    });
    return response.status === 204 || response.status === 404;
  } catch {
    return false;
  }
}
