import { lazyRouteComponent } from "@tanstack/react-router";
import type { Feature } from "@/shell/registry";

const Parts = lazyRouteComponent(() => import("./Parts"));

/** Each drawn part in all its states, for those who build pages: not in the rail, and it asks for nothing. */
export const feature: Feature = {
  pages: [{ path: "/parts", component: Parts, title: "Parts", isHidden: true }],
};
