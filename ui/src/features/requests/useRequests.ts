import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Schemas, api, ask, follow } from "@/api";
import { type Shared, keyOf, timesOf } from "@/shell/view";
import { type Filters, queryOf } from "./filters";

export type Item = Schemas["RequestItem"];

const PAGE = 100;
const FRESH_MAX = 2000;
const AGAIN_MS = 3000;

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
  const fresh = useFresh(view, filters, key, pages.isSuccess);
  const items = useMemo(() => {
    const listed = pages.data?.pages.flatMap((page) => page.items) ?? [];
    const known = new Set(listed.map((item) => item.id));
    const added = fresh.items.filter((item) => !known.has(item.id));
    return [...added, ...listed];
  }, [pages.data, fresh.items]);
  return { pages, items, tail: fresh };
}

export type Tail = ReturnType<typeof useFresh>;

/** What comes in. While one reads further down it waits, so that nothing moves. */
function useFresh(view: Shared, filters: Filters, key: unknown[], isReady: boolean) {
  const [items, setItems] = useState<Item[]>([]);
  const [waiting, setWaiting] = useState<Item[]>([]);
  const [isHeld, setHeld] = useState(false);
  const [isConnected, setConnected] = useState(false);
  const held = useRef(isHeld);
  held.current = isHeld;
  const client = useQueryClient();
  const name = JSON.stringify(key);

  useEffect(() => {
    setItems([]);
    setWaiting([]);
  }, [name]);

  useEffect(() => {
    if (!view.isLive || !isReady) {
      setConnected(false);
      return;
    }
    const end = new AbortController();
    async function run(): Promise<void> {
      while (!end.signal.aborted) {
        const query = new URLSearchParams(queryOf(view, filters)).toString();
        setConnected(true);
        try {
          await follow(`/api/v1/requests/stream?${query}`, end.signal, (kind, data) => {
            if (kind === "request") {
              const put = held.current ? setWaiting : setItems;
              put((before) => [data as Item, ...before].slice(0, FRESH_MAX));
            }
          });
        } catch (error) {
          if (end.signal.aborted) {
            return;
          }
          setConnected(false);
          console.debug("the live tail ended", error);
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
    void run();
    return () => end.abort();
    // Its name says all of what it follows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [name, view.isLive, isReady, client]);

  const release = useCallback(() => {
    setItems((before) => [...waiting, ...before].slice(0, FRESH_MAX));
    setWaiting([]);
  }, [waiting]);
  return { items, waiting: waiting.length, release, setHeld, isConnected };
}
