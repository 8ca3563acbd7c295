import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";
import { pathOf } from "./datasetWords";

export const feature: Feature = {
  under: "Experiments",
  grant: "datasets:read",
  pages: [
    { path: "/datasets", component: lazyRouteComponent(() => import("./Datasets")), title: "Datasets" },
    { path: "/datasets/$dataset", component: lazyRouteComponent(() => import("./OneDataset")), title: "One dataset" },
  ],
  search: async (text, signal): Promise<Found[]> => {
    const found = await ask(api.GET("/api/v1/datasets", { params: { query: { limit: 500 } }, signal }));
    const wanted = text.toLowerCase();
    return found.items
      .filter((each) => each.name.toLowerCase().includes(wanted))
      .map((each): Found => ({ title: each.name, kind: "dataset", path: pathOf(each.name), filter: { of: each.project } }));
  },
};
