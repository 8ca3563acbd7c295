import { IconKey } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

export const feature: Feature = {
  rail: { name: "Access", path: "/access", icon: IconKey },
  key: "a",
  grant: "keys:read",
  pages: [
    { path: "/access", component: lazyRouteComponent(() => import("./Keys")), title: "Keys" },
    { path: "/access/roles", component: lazyRouteComponent(() => import("./Roles")), title: "Who may what" },
    { path: "/access/projects", component: lazyRouteComponent(() => import("./Projects")), title: "Projects" },
    { path: "/access/audit", component: lazyRouteComponent(() => import("./Audit")), title: "Audit" },
  ],
  search: async (text, signal, grants): Promise<Found[]> => {
    const [keys, projects] = await Promise.all([
      ask(api.GET("/api/v1/keys", { params: { query: { limit: 500 } }, signal })),
      grants.includes("projects:read") ? ask(api.GET("/api/v1/projects", { signal })).then((found) => found.items) : [],
    ]);
    const wanted = text.toLowerCase();
    return [
      ...keys.items
        .filter((each) => each.name.toLowerCase().includes(wanted) || each.prefix.includes(wanted))
        .map((each): Found => ({ title: each.name, kind: "key", path: "/access", filter: { key: each.id } })),
      ...projects
        .filter((each) => each.name.toLowerCase().includes(wanted))
        .map((each): Found => ({ title: each.name, kind: "project", path: "/access/projects" })),
    ];
  },
};
