import { IconFlask } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

export const feature: Feature = {
  rail: { name: "Experiments", path: "/experiments", icon: IconFlask },
  key: "e",
  grant: "experiments:read",
  pages: [
    { path: "/experiments", component: lazyRouteComponent(() => import("./Experiments")), title: "Experiments" },
    { path: "/planning", component: lazyRouteComponent(() => import("./Plan")), title: "Plan an experiment" },
    { path: "/experiments/$experiment", component: lazyRouteComponent(() => import("./OneExperiment")), title: "One experiment" },
    { path: "/experiments/$experiment/decision", component: lazyRouteComponent(() => import("./Decided")), title: "A decision" },
  ],
  search: async (text, signal): Promise<Found[]> => {
    const found = await ask(api.GET("/api/v1/experiments", { signal }));
    const wanted = text.toLowerCase();
    const named = new Set(found.items.filter((each) => each.name.toLowerCase().includes(wanted)).map((each) => each.name));
    return [...named].map((name): Found => ({ title: name, kind: "experiment", path: `/experiments/${encodeURIComponent(name)}` }));
  },
};
