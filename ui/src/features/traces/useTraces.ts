import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { type Schemas, api, ask } from "@/api";
import { useMay, useSession } from "@/shell/session";
import { type Shared, keyOf, refreshOf, timesOf } from "@/shell/view";
import { useTail } from "../listing/useTail";
import { type Filters, type Sort, queryOf } from "./filters";

export type Item = Schemas["TraceItem"];

const PAGE = 100;
export const placeOf = (item: { project: string; trace_id: string }): string => `${item.trace_id} ${item.project}`;

/** Traces by pages, and those that come in or grow while one looks; only the newest ones follow. */
export function useTraces(view: Shared, filters: Filters, sort: Sort) {
  const key = useMemo(() => ["traces", ...keyOf(view), filters, sort], [view, filters, sort]);
  // The beginning stands still while one scrolls: a page that follows belongs to the one before.
  const from = useRef<{ key: unknown; from: string } | null>(null);
  if (from.current?.key !== key) {
    from.current = { key, from: timesOf(view).from };
  }
  const pages = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { ...queryOf(view, filters, from.current?.from), sort, limit: PAGE, ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/traces", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    staleTime: Infinity,
    gcTime: 60_000,
  });
  const tail = useTail<Item>({
    address: () => `/api/v1/traces/stream?${new URLSearchParams(queryOf(view, filters)).toString()}`,
    kind: "trace",
    keyOf: placeOf,
    name: JSON.stringify(key),
    isOn: view.isLive && sort === "newest" && pages.isSuccess,
  });
  const items = useMemo(() => listedWith(pages.data?.pages.flatMap((page) => page.items) ?? [], tail.items), [pages.data, tail.items]);
  return { pages, items, tail };
}

/** What was listed, as it is by now, with what came in since above it. */
export function listedWith(listed: Item[], came: Item[]): Item[] {
  const now = new Map(came.map((item) => [placeOf(item), item]));
  const kept = listed.map((item) => {
    const again = now.get(placeOf(item));
    now.delete(placeOf(item));
    return again ?? item;
  });
  return [...now.values(), ...kept];
}

/** What the traces of a filter have in common. */
export function useTraceFacets(view: Shared, filters: Filters) {
  return useQuery({
    queryKey: ["trace-facets", ...keyOf(view), filters],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/traces/facets", { params: { query: queryOf(view, filters) }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: refreshOf(view),
  });
}

/** Traces by hour or day; of one name, service and so on where sums are kept by it. A member sees no sums. */
export function useTraceSeries(view: Shared, filters: Filters) {
  const isMember = useSession().key.role === "member";
  const may = useMay("traces:read") && !isMember;
  const times = timesOf(view);
  const isLong = Date.parse(times.to) - Date.parse(times.from) > 8 * 86_400_000;
  const interval = isLong ? ("day" as const) : ("hour" as const);
  const dimension = GROUPED.find((name) => filters[name] !== undefined);
  const found = useQuery({
    queryKey: ["trace-series", ...keyOf(view), interval, dimension],
    enabled: may,
    queryFn: ({ signal }) => {
      const query = {
        ...timesOf(view),
        interval,
        ...(view.project ? { project: view.project } : {}),
        ...(dimension ? { group_by: dimension } : {}),
      };
      return ask(api.GET("/api/v1/traces/series", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: refreshOf(view),
  });
  const wanted = dimension ? filters[dimension] : undefined;
  return useMemo(() => {
    const points = (found.data?.items ?? []).filter((point) => dimension === undefined || point.value === wanted);
    return stepsOf(points, times.from, times.to, isLong ? 86_400_000 : 3_600_000);
    // The times of a range that follows move on with every answer.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [found.data, dimension, wanted, isLong]);
}

const GROUPED = ["name", "service", "release", "model"] as const;

export interface Steps {
  at: string[];
  end: string;
  traces: number[];
}

/** Points as steps of one length, with none where nothing was. Pure. */
export function stepsOf(points: { start: string | null; traces: number }[], from: string, to: string, step: number): Steps {
  const first = Math.floor(Date.parse(from) / step) * step;
  const count = Math.max(1, Math.min(500, Math.ceil((Date.parse(to) - first) / step)));
  const traces = new Array<number>(count).fill(0);
  for (const point of points) {
    const place = point.start === null ? -1 : Math.floor((Date.parse(point.start) - first) / step);
    if (place >= 0 && place < count) {
      traces[place] = (traces[place] ?? 0) + point.traces;
    }
  }
  return {
    at: traces.map((_, place) => new Date(first + place * step).toISOString()),
    end: new Date(first + count * step).toISOString(),
    traces,
  };
}
