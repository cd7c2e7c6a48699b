import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { askFirstStatus } from "./lib/first-status";
import { routeOf } from "./lib/route";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");

const route = routeOf(location.pathname);
if ("id" in route) askFirstStatus(route.id);
if (route.page === "embed") {
  // Nothing around the player: the frame it stands in is somebody else's.
  const { id } = route;
  void import("./embed/EmbedPage.svelte").then(({ default: EmbedPage }) =>
    mount(EmbedPage, { target, props: { id } }),
  );
} else {
  mount(App, { target });
}
