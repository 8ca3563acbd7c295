import { IconGitBranch } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

export const feature: Feature = {
  rail: { name: "Releases", path: "/releases", icon: IconGitBranch },
  key: "l",
  grant: "releases:read",
  pages: [
    { path: "/releases", component: lazyRouteComponent(() => import("./Releases")), title: "Releases" },
    { path: "/releases/compare", component: lazyRouteComponent(() => import("./Compare")), title: "Two releases", isHidden: true },
    { path: "/releases/$release", component: lazyRouteComponent(() => import("./OneRelease")), title: "One release" },
  ],
  search: async (text, signal): Promise<Found[]> => {
    const found = await ask(api.GET("/api/v1/releases", { params: { query: { limit: 500 } }, signal }));
    const wanted = text.toLowerCase();
    return found.items
      .filter((each) => [each.id, each.commit, each.name ?? ""].some((one) => one.toLowerCase().includes(wanted)))
      .map((each): Found => ({
        title: `${each.name ?? each.commit.slice(0, 8)} ${each.note}`.trim(),
        kind: "release",
        path: `/releases/${each.id}`,
        filter: { of: each.project },
      }));
  },
};
