import { lazyRouteComponent } from "@tanstack/react-router";
import type { Feature } from "@/shell/registry";

const Playground = lazyRouteComponent(() => import("./Playground"));

export const feature: Feature = {
  grant: "calls:make",
  pages: [{ path: "/playground", component: Playground, title: "Playground" }],
};
