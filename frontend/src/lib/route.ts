export type Route = { page: "upload" } | { page: "watch"; id: string } | { page: "missing" };

/** Which page an address shows. Ids are checked by the API alone. */
export function routeOf(pathname: string): Route {
  const path = pathname.replace(/\/+$/, "");
  if (path === "") return { page: "upload" };
  const watch = /^\/watch\/([0-9a-zA-Z-]+)$/.exec(path);
  return watch?.[1] ? { page: "watch", id: watch[1] } : { page: "missing" };
}

/** The link to share. */
export function watchUrl(origin: string, id: string): string {
  return `${origin}/watch/${id}`;
}
