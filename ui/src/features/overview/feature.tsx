import { IconChartHistogram } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import type { Feature } from "@/shell/registry";

const Overview = lazyRouteComponent(() => import("./Overview"));

export const feature: Feature = {
  rail: { name: "Overview", path: "/", icon: IconChartHistogram },
  key: "o",
  pages: [{ path: "/", component: Overview, title: "Overview" }],
};
