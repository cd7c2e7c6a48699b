import createClient from "openapi-fetch";
import type { paths } from "./schema";

/** Empty where the API serves the pages itself; a build for elsewhere names it in VITE_API_URL. */
export const base = (import.meta.env.VITE_API_URL ?? "").replace(/\/+$/, "");

/** The API's routes, as its OpenAPI document describes them. */
export const api = createClient<paths>({ baseUrl: base, fetch: (request) => fetch(request) });

/** What a request that needs a token carries. */
export function bearer(token: string): { Authorization: string } {
  return { Authorization: `Bearer ${token}` };
}
