import { lazyRouteComponent } from "@tanstack/react-router";
import type { Feature } from "@/shell/registry";

export const feature: Feature = {
  under: "Experiments",
  grant: "checks:read",
  pages: [
    { path: "/checks", component: lazyRouteComponent(() => import("./Checks")), title: "Checks" },
    { path: "/checks/$run", component: lazyRouteComponent(() => import("./OneRun")), title: "A run of a check" },
    { path: "/checks/$run/against/$other", component: lazyRouteComponent(() => import("./TwoRuns")), title: "Two runs" },
  ],
};
