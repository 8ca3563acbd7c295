import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { keyOf, timesOf, useShared } from "@/shell/view";

/** How each version of a prompt did in the time and environment that one looks at. */
export function useOutcomes(name: string, project: string, source: string | null) {
  const view = useShared();
  return useQuery({
    queryKey: ["prompt outcomes", name, source, ...keyOf(view), project],
    queryFn: ({ signal }) => {
      const query = {
        name,
        project,
        ...timesOf(view),
        ...(view.environment ? { environment: view.environment } : {}),
        ...(source ? { source } : {}),
      };
      return ask(api.GET("/api/v1/prompts/outcomes", { params: { query }, signal }));
    },
    staleTime: 30_000,
  });
}
