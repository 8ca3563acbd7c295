import { IconCoin } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import type { Feature } from "@/shell/registry";

const Spend = lazyRouteComponent(() => import("./Spend"));

export const feature: Feature = {
  rail: { name: "Spend", path: "/spend", icon: IconCoin },
  key: "s",
  grant: "costs:read",
  pages: [{ path: "/spend", component: Spend, title: "Spend" }],
};
