import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { type Schemas, api, ask } from "@/api";
import { type Shared, keyOf, timesOf } from "@/shell/view";
import { useTail } from "../listing/useTail";
import { type Filters, queryOf } from "./filters";

export type Item = Schemas["RequestItem"];

const PAGE = 100;
const idOf = (item: Item): string => item.id;

/** Requests by pages, newest first, and those that come in while one looks. */
export function useRequests(view: Shared, filters: Filters) {
  const key = useMemo(() => ["requests", ...keyOf(view), filters], [view, filters]);
  // The beginning stands still while one scrolls: a page that follows belongs to the one before.
  const from = useRef<{ key: unknown; from: string } | null>(null);
  if (from.current?.key !== key) {
    from.current = { key, from: timesOf(view).from };
  }
  const pages = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { ...queryOf(view, filters, from.current?.from), limit: PAGE, ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/requests", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    staleTime: Infinity,
    gcTime: 60_000,
  });
  const fresh = useTail<Item>({
    address: () => `/api/v1/requests/stream?${new URLSearchParams(queryOf(view, filters)).toString()}`,
    kind: "request",
    keyOf: idOf,
    name: JSON.stringify(key),
    isOn: view.isLive && pages.isSuccess,
  });
  const items = useMemo(() => {
    const listed = pages.data?.pages.flatMap((page) => page.items) ?? [];
    const known = new Set(listed.map((item) => item.id));
    const added = fresh.items.filter((item) => !known.has(item.id));
    return [...added, ...listed];
  }, [pages.data, fresh.items]);
  return { pages, items, tail: fresh };
}
