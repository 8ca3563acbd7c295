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
  search: async (text, signal): Promise<Found[]> => {
    const wanted = text.toLowerCase();
    const models = await ask(api.GET("/api/v1/models", { signal }));
    return models.items
      .filter((each) => [each.id, ...each.targets].some((name) => name.toLowerCase().includes(wanted)))
      .map((each): Found => ({ title: each.id, kind: "model", path: "/routing", filter: { model: each.id } }));
  },
};
