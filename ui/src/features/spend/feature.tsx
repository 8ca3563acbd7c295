import { IconCoin } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

const Spend = lazyRouteComponent(() => import("./Spend"));

export const feature: Feature = {
  rail: { name: "Spend", path: "/spend", icon: IconCoin },
  key: "s",
  grant: "costs:read",
  pages: [{ path: "/spend", component: Spend, title: "Spend" }],
  search: async (text, signal, grants): Promise<Found[]> => {
    if (!grants.includes("budgets:read")) {
      return [];
    }
    const found = await ask(api.GET("/api/v1/budgets", { params: { query: { limit: 500 } }, signal }));
    const wanted = text.toLowerCase();
    return found.items
      .filter((each) => each.name.toLowerCase().includes(wanted))
      .map((each): Found => ({ title: each.name, kind: "budget", path: "/spend" }));
  },
};
