import { useQueries, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";

export function useReleases(project: string | undefined) {
  return useQuery({
    queryKey: ["releases", project],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/releases", { params: { query: { limit: 200, ...(project ? { project } : {}) } }, signal })),
  });
}

export function useEnvironments(project: string | undefined) {
  return useQuery({
    queryKey: ["environments", "all", project],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/environments", { params: { query: { limit: 200, ...(project ? { project } : {}) } }, signal })),
  });
}

/** The moves of each environment, the newest first. */
export function useHistories(environments: readonly Schemas["EnvironmentView"][]) {
  return useQueries({
    queries: environments.map((each) => ({
      queryKey: ["environment history", each.project, each.name],
      queryFn: () => {
        const params = { path: { name: each.name }, query: { project: each.project, limit: 200 } };
        return ask(api.GET("/api/v1/environments/{name}/history", { params }));
      },
    })),
  });
}

export function useComparison(a: string, b: string, project: string | undefined, enabled = true) {
  return useQuery({
    queryKey: ["comparison", a, b, project],
    queryFn: ({ signal }) => {
      const query = { a, b, ...(project ? { project } : {}) };
      return ask(api.GET("/api/v1/releases/compare", { params: { query }, signal }));
    },
    enabled: enabled && a !== "" && b !== "" && a !== b,
    staleTime: 30_000,
  });
}
