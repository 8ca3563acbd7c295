import { lazy } from "react";
import type { Feature } from "@/shell/registry";

const Playground = lazy(() => import("./Playground"));

export const feature: Feature = {
  grant: "calls:make",
  pages: [{ path: "/playground", component: Playground, title: "Playground" }],
};
