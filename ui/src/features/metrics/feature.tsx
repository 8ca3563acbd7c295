import { lazyRouteComponent } from "@tanstack/react-router";
import { type Schemas, api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

export const feature: Feature = {
  under: "Traces",
  grant: "traces:read",
  pages: [
    { path: "/traces/metrics", component: lazyRouteComponent(() => import("./Metrics")), title: "Metrics" },
    { path: "/traces/metrics/$name", component: lazyRouteComponent(() => import("./OneMetric")), title: "One metric" },
  ],
  search: async (text, signal): Promise<Found[]> => {
    const found = await ask(api.GET("/api/v1/metrics", { signal }));
    const names = new Set(found.items.map((each: Schemas["MetricItem"]) => each.name).filter((name) => name.includes(text)));
    return [...names].slice(0, FOUND_MAX).map((name) => ({ title: name, kind: "metric", path: `/traces/metrics/${encodeURIComponent(name)}` }));
  },
};

const FOUND_MAX = 6;
