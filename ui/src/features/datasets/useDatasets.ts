import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { useMay } from "@/shell/session";

const LISTED = 500;
const PAGE = 50;

export function useDatasets() {
  return useQuery({
    queryKey: ["datasets"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/datasets", { params: { query: { limit: LISTED } }, signal })),
    enabled: useMay("datasets:read"),
  });
}

export function useDataset(name: string, project: string | undefined) {
  return useQuery({
    queryKey: ["dataset", name, project],
    queryFn: ({ signal }) => {
      const query = project ? { project } : {};
      return ask(api.GET("/api/v1/datasets/{name}", { params: { path: { name }, query }, signal }));
    },
  });
}

export interface CaseRow {
  one: Schemas["Page_Case_"]["items"][number];
  source: Schemas["CaseSource"] | undefined;
}

/** The cases of a version, each with the call that it came from. */
export function useCases(name: string, project: string, version: number) {
  return useInfiniteQuery({
    queryKey: ["cases", name, project, version],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }): Promise<{ rows: CaseRow[]; next: string | null }> => {
      const query = { project, version, limit: PAGE, ...(pageParam ? { next: pageParam } : {}) };
      const params = { path: { name }, query };
      const [cases, sources] = await Promise.all([
        ask(api.GET("/api/v1/datasets/{name}/cases", { params, signal })),
        ask(api.GET("/api/v1/datasets/{name}/sources", { params, signal })),
      ]);
      const known = new Map(sources.items.map((each) => [each.id, each]));
      return { rows: cases.items.map((one) => ({ one, source: known.get(one.id) })), next: cases.next };
    },
    getNextPageParam: (page) => page.next,
  });
}

/** What is asked again once cases were added. */
export const DATASETS = ["datasets", "dataset", "cases", "audit"];
