import { IconTimeline } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { type Schemas, api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";

const Traces = lazyRouteComponent(() => import("./Traces"));
const Trace = lazyRouteComponent(() => import("./Trace"));

const ID = /^[0-9a-f]{32}$/i;

const HITS = 6;

/** Where words were said: the call where it went through the gateway, else the step. */
function foundOf(hit: Schemas["TextHit"]): Found {
  const snippet = hit.snippet.replaceAll(/\s+/g, " ");
  if (hit.request_id) {
    return { title: hit.name, kind: "said in a request", path: `/requests/${hit.request_id}`, snippet };
  }
  return { title: hit.name, kind: "said in a step", path: `/traces/${hit.trace_id}`, filter: { of: hit.project, span: hit.span_id }, snippet };
}

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
    const query = { text, limit: HITS };
    const hits = await ask(api.GET("/api/v1/traces/search", { params: { query }, signal })).catch(() => null);
    return [
      { title: text, kind: "traces that hold this text", path: "/traces", filter: { text }, isSaid: true },
      ...(hits?.items ?? []).map(foundOf),
    ];
  },
};
