import { IconChartHistogram } from "@tabler/icons-react";
import { lazy } from "react";
import type { Feature } from "@/shell/registry";

const load = () => import("./Overview");
const Overview = lazy(load);

export const feature: Feature = {
  rail: { name: "Overview", path: "/", icon: IconChartHistogram },
  key: "o",
  pages: [{ path: "/", component: Overview, title: "Overview", load }],
};
