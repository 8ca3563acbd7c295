import { IconSettings } from "@tabler/icons-react";
import { lazy } from "react";
import type { Feature } from "@/shell/registry";

export const feature: Feature = {
  rail: { name: "Settings", path: "/settings", icon: IconSettings },
  key: "c",
  grant: "system:read",
  pages: [
    { path: "/settings", component: lazy(() => import("./Configuration")), title: "Configuration" },
    { path: "/settings/alerts", component: lazy(() => import("./Alerts")), title: "Alerts" },
    { path: "/settings/exporters", component: lazy(() => import("./Exporters")), title: "Exporters" },
    { path: "/settings/retention", component: lazy(() => import("./Retention")), title: "Retention" },
    { path: "/settings/status", component: lazy(() => import("./About")), title: "Status" },
  ],
};
