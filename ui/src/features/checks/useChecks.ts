import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { type Shared, refreshOf } from "@/shell/view";

const PAGE = 100;
const RESULTS = 500;

export function useRuns(name: string | undefined, view?: Shared) {
  return useInfiniteQuery({
    queryKey: ["check runs", name],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(name ? { name } : {}), ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/checks/runs", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: view ? refreshOf(view) : false,
  });
}

export function run(id: string) {
  return {
    queryKey: ["check run", id],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      ask(api.GET("/api/v1/checks/runs/{run_id}", { params: { path: { run_id: id } }, signal })),
  };
}

export function useRun(id: string) {
  return useQuery(run(id));
}

export function useResults(id: string) {
  return useInfiniteQuery({
    queryKey: ["check results", id],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const params = { path: { run_id: id }, query: { limit: PAGE, ...(pageParam ? { next: pageParam } : {}) } };
      return ask(api.GET("/api/v1/checks/runs/{run_id}/results", { params, signal }));
    },
    getNextPageParam: (page) => page.next,
  });
}

/** The results of a run, as many as one comparison is made of. */
export async function resultsOf(id: string) {
  const params = { path: { run_id: id }, query: { limit: RESULTS } };
  return (await ask(api.GET("/api/v1/checks/runs/{run_id}/results", { params }))).items;
}

export function useComparison(id: string, against: string) {
  return useQuery({
    queryKey: ["check comparison", id, against],
    queryFn: ({ signal }) => {
      const params = { path: { run_id: id }, query: { against } };
      return ask(api.GET("/api/v1/checks/runs/{run_id}/comparison", { params, signal }));
    },
  });
}
