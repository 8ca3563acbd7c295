import { IconCoin } from "@tabler/icons-react";
import { lazy } from "react";
import type { Feature } from "@/shell/registry";

const Spend = lazy(() => import("./Spend"));

export const feature: Feature = {
  rail: { name: "Spend", path: "/spend", icon: IconCoin },
  key: "s",
  grant: "costs:read",
  pages: [{ path: "/spend", component: Spend, title: "Spend" }],
};
