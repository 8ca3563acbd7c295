import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { useMay } from "@/shell/session";
import type { Shared } from "@/shell/view";

export type TraceDetail = Schemas["TraceDetail"];
export type SpanPage = Schemas["SpanPage"];
export type SpanDetail = Schemas["SpanDetail"];
export type Feedback = Schemas["Feedback"];

const GROWING_MS = 10 * 60_000;
const AGAIN_MS = 5_000;
const SMALL = 2000;
const FIRST = 300;

/** One trace; a small one that is young is asked for again while one follows. */
export function useTrace(view: Shared, id: string, of: string | undefined) {
  return useQuery({
    queryKey: ["trace", id, of],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/traces/{trace_id}", { params: { path: { trace_id: id }, query: of ? { project: of } : {} }, signal })),
    staleTime: 60_000,
    refetchInterval: (query) => {
      const found = query.state.data;
      const isGrowing = found && Date.now() - Date.parse(found.started_at) - found.duration_ms < GROWING_MS;
      return view.isLive && isGrowing && found.span_count < SMALL ? AGAIN_MS : false;
    },
  });
}

/** Its first steps by time: of a huge trace they are there long before it is drawn whole. */
export function useFirstSteps(id: string, of: string | undefined) {
  return useQuery({
    queryKey: ["trace steps", id, of],
    queryFn: ({ signal }) => {
      const query = { limit: FIRST, ...(of ? { project: of } : {}) };
      return ask(api.GET("/api/v1/traces/{trace_id}/spans", { params: { path: { trace_id: id }, query: query as never }, signal }));
    },
    staleTime: Infinity,
    retry: false,
  });
}

/** One span of it in full; what was shown before stays until it is here. */
export function useSpan(trace: TraceDetail, spanId: string | null) {
  return useQuery({
    queryKey: ["span", trace.trace_id, trace.project, spanId],
    enabled: spanId !== null,
    queryFn: ({ signal }) => {
      const path = { trace_id: trace.trace_id, span_id: spanId ?? "" };
      return ask(api.GET("/api/v1/traces/{trace_id}/spans/{span_id}", { params: { path, query: { project: trace.project } }, signal }));
    },
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
}

/** The record of a call that went through the gateway. */
export function useCall(requestId: string | null) {
  return useQuery({
    queryKey: ["request", requestId],
    enabled: useMay("requests:read") && requestId !== null,
    queryFn: ({ signal }) => ask(api.GET("/api/v1/requests/{request_id}", { params: { path: { request_id: requestId ?? "" } }, signal })),
    staleTime: 60_000,
  });
}

/** What people, code and models said of the trace and its steps. */
export function useScores(trace: TraceDetail) {
  return useQuery({
    queryKey: ["scores", trace.trace_id, trace.project],
    enabled: useMay("feedback:read"),
    queryFn: ({ signal }) => {
      const query = { trace_id: trace.trace_id, project: trace.project, limit: 200 };
      return ask(api.GET("/api/v1/feedback", { params: { query: query as never }, signal }));
    },
    staleTime: 30_000,
  });
}
