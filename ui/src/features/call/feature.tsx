import { lazyRouteComponent } from "@tanstack/react-router";
import type { Feature } from "@/shell/registry";

const Call = lazyRouteComponent(() => import("./Call"));

export const feature: Feature = {
  pages: [{ path: "/requests/$id", component: Call, title: "One call" }],
};
