import { lazy } from "react";
import type { Feature } from "@/shell/registry";

export const feature: Feature = {
  under: "Experiments",
  pages: [
    { path: "/drift", component: lazy(() => import("./Drift")), title: "Drift" },
    { path: "/drift/alarms/$alarm", component: lazy(() => import("./OneAlarm")), title: "One alarm" },
    { path: "/drift/canaries/$canary", component: lazy(() => import("./OneCanary")), title: "One canary" },
  ],
};
