import { IconListDetails } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

const Requests = lazyRouteComponent(() => import("./Requests"));

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const feature: Feature = {
  rail: { name: "Requests", path: "/requests", icon: IconListDetails },
  key: "r",
  grant: "requests:read",
  pages: [{ path: "/requests", component: Requests, title: "Requests" }],
  search: async (text, signal): Promise<Found[]> => {
    if (ID.test(text)) {
      const params = { path: { request_id: text } };
      const found = await ask(api.GET("/api/v1/requests/{request_id}", { params, signal }));
      return [{ title: found.id, kind: `request to ${found.model}`, path: `/requests/${found.id}` }];
    }
    const params = { query: { group_by: "model" } };
    const models = await ask(api.GET("/api/v1/costs", { params, signal }));
    const named = models.items.flatMap((row) => (row.model?.toLowerCase().includes(text.toLowerCase()) ? [row.model] : []));
    return [
      ...named.map((model): Found => ({ title: model, kind: "model: its requests", path: "/requests", filter: { model } })),
      { title: text, kind: "requests that hold this text", path: "/requests", filter: { text }, isSaid: true },
      { title: `Requests of user ${text}`, kind: "requests", path: "/requests", filter: { user: text }, isOffered: true },
      { title: `Requests with tag ${text}`, kind: "requests", path: "/requests", filter: { tag: text }, isOffered: true },
    ];
  },
};
