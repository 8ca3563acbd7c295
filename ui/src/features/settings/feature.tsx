import { IconSettings } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import type { Feature } from "@/shell/registry";

export const feature: Feature = {
  rail: { name: "Settings", path: "/settings", icon: IconSettings },
  key: "c",
  grant: "system:read",
  pages: [
    { path: "/settings", component: lazyRouteComponent(() => import("./Configuration")), title: "Configuration" },
    { path: "/settings/alerts", component: lazyRouteComponent(() => import("./Alerts")), title: "Alerts" },
    { path: "/settings/exporters", component: lazyRouteComponent(() => import("./Exporters")), title: "Exporters" },
    { path: "/settings/retention", component: lazyRouteComponent(() => import("./Retention")), title: "Retention" },
    { path: "/settings/status", component: lazyRouteComponent(() => import("./About")), title: "Status" },
  ],
};
