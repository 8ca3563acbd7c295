import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

export const feature: Feature = {
  under: "Experiments",
  grant: "drift:read",
  pages: [
    { path: "/drift", component: lazyRouteComponent(() => import("./Drift")), title: "Drift" },
    { path: "/drift/alarms/$alarm", component: lazyRouteComponent(() => import("./OneAlarm")), title: "One alarm" },
    { path: "/drift/traffic/$watch", component: lazyRouteComponent(() => import("./OneWatch")), title: "One watch of live traffic" },
    { path: "/drift/canaries/$canary", component: lazyRouteComponent(() => import("./OneCanary")), title: "One canary" },
    { path: "/drift/contexts/$study", component: lazyRouteComponent(() => import("./OneStudy")), title: "A study of contexts" },
  ],
  search: async (text, signal, grants): Promise<Found[]> => {
    if (!grants.includes("snapshots:read")) {
      return [];
    }
    const found = await ask(api.GET("/api/v1/drift/canaries", { signal }));
    const wanted = text.toLowerCase();
    return found.items
      .filter((each) => each.name.toLowerCase().includes(wanted))
      .map((each): Found => ({ title: each.name, kind: "canary", path: `/drift/canaries/${encodeURIComponent(each.name)}` }));
  },
};
