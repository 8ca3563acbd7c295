import { IconTimeline } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";
import { foundIn } from "./found";

const Traces = lazyRouteComponent(() => import("./Traces"));
const Trace = lazyRouteComponent(() => import("./Trace"));

const ID = /^[0-9a-f]{32}$/i;

const HITS = 6;
/** Of so many the same is left out. */
const LOOKED_AT = 40;

export const feature: Feature = {
  rail: { name: "Traces", path: "/traces", icon: IconTimeline },
  key: "t",
  grant: "traces:read",
  pages: [
    { path: "/traces", component: Traces, title: "Traces" },
    { path: "/traces/$id", component: Trace, title: "One trace" },
  ],
  search: async (text, signal): Promise<Found[]> => {
    if (ID.test(text)) {
      const params = { path: { trace_id: text.toLowerCase() }, query: { limit: 1 } as never };
      const found = await ask(api.GET("/api/v1/traces/{trace_id}/spans", { params, signal }));
      return [{ title: found.name ?? found.trace_id, kind: "trace", path: `/traces/${found.trace_id}` }];
    }
    const query = { text, limit: LOOKED_AT };
    const hits = await ask(api.GET("/api/v1/traces/search", { params: { query }, signal })).catch(() => null);
    return [
      { title: text, kind: "traces that hold this text", path: "/traces", filter: { text }, isSaid: true },
      ...foundIn(hits?.items ?? [], HITS),
    ];
  },
};
