import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, ask } from "@/api";
import { useView } from "@/shell/view";
import { type Arc, arcsOf, rowsOf } from "./lineage";
import type { Line } from "./lines";
import type { TraceDetail } from "./useTrace";

/** Of a larger trace it is asked for only when somebody wants it. */
const ASKED_AT_ONCE = 2000;

export interface Lines {
  arcs: Arc[];
  rows: ReadonlyMap<string, number>;
}

/** Whether arcs are drawn: unless they are turned off, or the trace is large and nobody has turned them on. */
export function useShowsLineage(detail: TraceDetail): boolean {
  const { search } = useView();
  const isSmall = detail.spans.length <= ASKED_AT_ONCE;
  return isSmall ? search["lineage"] !== "off" : search["lineage"] === "on";
}

export function useLineage(detail: TraceDetail, isWanted: boolean) {
  return useQuery({
    queryKey: ["lineage", detail.trace_id, detail.project, detail.spans.length],
    enabled: isWanted,
    queryFn: ({ signal }) => {
      const params = { path: { trace_id: detail.trace_id }, query: { project: detail.project } };
      return ask(api.GET("/api/v1/traces/{trace_id}/lineage", { params, signal }));
    },
    staleTime: 60_000,
  });
}

/** The arcs of a trace, and the rows between which they are drawn; null while there are none. */
export function useArcs(detail: TraceDetail, lines: readonly Line[], shown: readonly Line[]): Lines | null {
  const isShown = useShowsLineage(detail);
  const lineage = useLineage(detail, isShown);
  const edges = lineage.data?.edges;
  const arcs = useMemo(() => arcsOf(edges ?? []), [edges]);
  const rows = useMemo(() => (arcs.length > 0 ? rowsOf(lines, shown) : new Map<string, number>()), [arcs, lines, shown]);
  return useMemo(() => (isShown && arcs.length > 0 ? { arcs, rows } : null), [isShown, arcs, rows]);
}
