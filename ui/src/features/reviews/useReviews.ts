import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { type Shared, refreshOf } from "@/shell/view";

export type JudgeItem = Schemas["JudgeItem"];
export type Review = Schemas["Review"];
export type ReviewItem = Schemas["ReviewItem"];
export type MarkedItem = Schemas["MarkedItem"];
export type Shown = NonNullable<ReturnType<typeof useJudge>["data"]>;

const LISTED = 500;

export function useJudges(view?: Shared) {
  return useQuery({
    queryKey: ["judges"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/judges", { signal })),
    enabled: useMay("judges:read"),
    refetchInterval: view ? refreshOf(view) : false,
  });
}

/** The project that a page of a judge is about, as the API takes it. */
function of(project: string | undefined): { project?: string } {
  return project ? { project } : {};
}

export function useJudge(name: string, project: string | undefined, version?: string) {
  return useQuery({
    queryKey: ["judge", name, project, version],
    queryFn: ({ signal }) => {
      const query = { ...of(project), ...(version ? { version } : {}) };
      return ask(api.GET("/api/v1/judges/{name}", { params: { path: { name }, query }, signal }));
    },
  });
}

export function useQueue(judge: string, project: string | undefined, which: "open" | "done" | "all") {
  return useInfiniteQuery({
    queryKey: ["reviews", judge, project, which],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { judge, which, limit: 50, ...of(project), ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/reviews", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
  });
}

export function useMarked(judge: string, project: string | undefined) {
  return useInfiniteQuery({
    queryKey: ["marked", judge, project],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { judge, limit: 50, ...of(project), ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/reviews/export", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
  });
}

/** What to mark next, but for what was skipped; null where nothing is left. */
export async function nextReview(
  judge: string,
  project: string | undefined,
  skipped: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Review | null> {
  const query = { judge, ...of(project) };
  const { review } = await ask(api.GET("/api/v1/reviews/next", { params: { query }, signal }));
  if (review === null || !skipped.has(review.item.id)) {
    return review;
  }
  let next: string | null = null;
  do {
    const more: { next?: string } = next === null ? {} : { next };
    const page: Schemas["Page_ReviewItem_"] = await ask(
      api.GET("/api/v1/reviews", { params: { query: { ...query, which: "open", limit: LISTED, ...more } }, signal }),
    );
    const item = page.items.find((each) => !each.mine && !skipped.has(each.id));
    if (item) {
      return oneReview(item.id, signal);
    }
    next = page.next;
  } while (next !== null);
  return null;
}

export function oneReview(id: string, signal: AbortSignal): Promise<Review> {
  return ask(api.GET("/api/v1/reviews/{review_id}", { params: { path: { review_id: id } }, signal }));
}
