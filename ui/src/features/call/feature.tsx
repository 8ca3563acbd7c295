import { lazy } from "react";
import type { Feature } from "@/shell/registry";

const Call = lazy(() => import("./Call"));

export const feature: Feature = {
  pages: [{ path: "/requests/$id", component: Call, title: "One call" }],
};
