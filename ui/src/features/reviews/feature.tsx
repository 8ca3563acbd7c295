import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";
import { pathOf } from "./judgeWords";

export const feature: Feature = {
  under: "Experiments",
  grant: "judges:read",
  pages: [
    { path: "/reviews", component: lazyRouteComponent(() => import("./Reviews")), title: "Reviews" },
    { path: "/reviews/$judge", component: lazyRouteComponent(() => import("./OneJudge")), title: "One judge" },
    { path: "/reviews/$judge/mark", component: lazyRouteComponent(() => import("./Marking")), title: "What people mark" },
  ],
  search: async (text, signal): Promise<Found[]> => {
    const found = await ask(api.GET("/api/v1/judges", { signal }));
    const wanted = text.toLowerCase();
    return found.items
      .filter((each) => each.name.toLowerCase().includes(wanted))
      .map((each): Found => ({ title: each.name, kind: "judge", path: pathOf(each.name), filter: { of: each.project } }));
  },
};
