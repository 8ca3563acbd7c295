import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { type Schemas, api, ask } from "@/api";

const AGAIN_MS = 1500;

export interface FirstCall {
  /** `none`: nothing that one may see is on record, whatever the time. */
  state: "asking" | "none" | "some";
  /** The first one, where it came while this page was open. */
  call: Schemas["RequestItem"] | null;
  /** Whether traces have come instead: from an application that calls its providers by itself. */
  hasTraces: boolean;
}

/** Whether anything is on record yet; while nothing is, it is asked again and again. */
export function useFirstCall(isQuiet: boolean): FirstCall {
  const client = useQueryClient();
  const waited = useRef(false);
  const found = useQuery({
    queryKey: ["first call"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/requests", { params: { query: { limit: 1 } }, signal })),
    enabled: isQuiet,
    staleTime: AGAIN_MS,
    refetchInterval: (query) => (query.state.data?.items.length === 0 ? AGAIN_MS : false),
  });
  const isNone = found.data?.items.length === 0;
  const traces = useQuery({
    queryKey: ["first call", "traces"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/traces", { params: { query: { limit: 1 } }, signal })),
    enabled: isQuiet && isNone,
    staleTime: AGAIN_MS,
    refetchInterval: (query) => (query.state.data?.items.length === 0 ? AGAIN_MS : false),
  });
  const hasTraces = (traces.data?.items.length ?? 0) > 0;
  const call = found.data?.items[0] ?? null;
  if (found.data && call === null) {
    waited.current = true;
  }
  const hasCome = waited.current && call !== null;
  useEffect(() => {
    if (hasCome) {
      void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "first call" });
    }
  }, [client, hasCome]);
  if (!isQuiet && !hasCome) {
    return { state: "some", call: null, hasTraces };
  }
  if (!found.data) {
    return { state: found.isError ? "some" : "asking", call: null, hasTraces };
  }
  return { state: call === null ? "none" : "some", call: hasCome ? call : null, hasTraces };
}
