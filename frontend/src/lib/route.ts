export type Route =
  | { page: "upload" }
  | { page: "watch" | "embed"; id: string }
  | { page: "library" }
  | { page: "missing" };

/** Which page an address shows. Ids are checked by the API alone. */
export function routeOf(pathname: string): Route {
  const path = pathname.replace(/\/+$/, "");
  if (path === "") return { page: "upload" };
  if (path === "/videos") return { page: "library" };
  const [, page, id] = /^\/(watch|embed)\/([0-9a-zA-Z-]+)$/.exec(path) ?? [];
  return id ? { page: page === "embed" ? "embed" : "watch", id } : { page: "missing" };
}

/** The link to share. */
export function watchUrl(origin: string, id: string): string {
  return `${origin}/watch/${id}`;
}

/** The page that others put into a frame of theirs. */
export function embedUrl(origin: string, id: string): string {
  return `${origin}/embed/${id}`;
}

/** Whether this host means the machine it is said on: no other one gets here by it. */
export function isOfThisMachine(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
