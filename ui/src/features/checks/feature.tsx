import { lazy } from "react";
import type { Feature } from "@/shell/registry";

export const feature: Feature = {
  under: "Experiments",
  grant: "checks:read",
  pages: [
    { path: "/checks", component: lazy(() => import("./Checks")), title: "Checks" },
    { path: "/checks/$run", component: lazy(() => import("./OneRun")), title: "A run of a check" },
    { path: "/checks/$run/against/$other", component: lazy(() => import("./TwoRuns")), title: "Two runs" },
  ],
};
