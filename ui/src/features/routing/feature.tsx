import { IconRoute } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

export const feature: Feature = {
  rail: { name: "Routing", path: "/routing", icon: IconRoute },
  key: "m",
  grant: "models:read",
  pages: [
    { path: "/routing", component: lazyRouteComponent(() => import("./Models")), title: "Models" },
    { path: "/routing/providers", component: lazyRouteComponent(() => import("./Providers")), title: "Providers" },
    { path: "/routing/rules", component: lazyRouteComponent(() => import("./Rules")), title: "Rules" },
    { path: "/routing/rules/$name", component: lazyRouteComponent(() => import("./OneRule")), title: "One rule" },
  ],
  search: async (text, signal, grants): Promise<Found[]> => {
    const wanted = text.toLowerCase();
    const asked = { params: { query: { limit: 500 } }, signal };
    const [models, rules] = await Promise.all([
      ask(api.GET("/api/v1/models", { signal })),
      grants.includes("rules:read") ? ask(api.GET("/api/v1/rules", asked)).then((found) => found.items) : [],
    ]);
    return [
      ...models.items
        .filter((each) => [each.id, ...each.targets].some((name) => name.toLowerCase().includes(wanted)))
        .map((each): Found => ({ title: each.id, kind: "model", path: "/routing", filter: { model: each.id } })),
      ...rules
        .filter((each) => each.name.toLowerCase().includes(wanted))
        .map((each): Found => ({ title: each.name, kind: "rule", path: `/routing/rules/${encodeURIComponent(each.name)}` })),
    ];
  },
};
