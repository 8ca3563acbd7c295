import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

export const feature: Feature = {
  under: "Experiments",
  grant: "rollouts:read",
  pages: [
    { path: "/rollouts", component: lazyRouteComponent(() => import("./Rollouts")), title: "Rollouts" },
    { path: "/rollouts/$rollout", component: lazyRouteComponent(() => import("./OneRollout")), title: "One rollout" },
  ],
  search: async (text, signal): Promise<Found[]> => {
    const found = await ask(api.GET("/api/v1/rollouts", { signal }));
    const wanted = text.toLowerCase();
    return found.items
      .filter((each) => [each.name, each.alias].some((name) => name.toLowerCase().includes(wanted)))
      .map((each): Found => ({ title: each.name, kind: "rollout", path: `/rollouts/${encodeURIComponent(each.name)}` }));
  },
};
