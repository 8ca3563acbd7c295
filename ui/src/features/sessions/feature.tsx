import { lazyRouteComponent } from "@tanstack/react-router";
import type { Feature, Found } from "@/shell/registry";

const Sessions = lazyRouteComponent(() => import("./Sessions"));
const OneSession = lazyRouteComponent(() => import("./OneSession"));

export const feature: Feature = {
  under: "Traces",
  key: "n",
  grant: "traces:read",
  pages: [
    { path: "/sessions", component: Sessions, title: "Sessions" },
    { path: "/sessions/$id", component: OneSession, title: "One session" },
  ],
  search: (text): Promise<Found[]> =>
    Promise.resolve([{ title: `Session ${text}`, kind: "session", path: `/sessions/${encodeURIComponent(text)}`, isOffered: true }]),
};
