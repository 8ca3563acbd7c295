import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { DAYS } from "./outcomeWords";

/** How each version of a prompt did of late. */
export function useOutcomes(name: string, project: string, source: string | null) {
  return useQuery({
    queryKey: ["prompt outcomes", name, project, source],
    queryFn: ({ signal }) => {
      const query = { name, project, days: DAYS, ...(source ? { source } : {}) };
      return ask(api.GET("/api/v1/prompts/outcomes", { params: { query }, signal }));
    },
    staleTime: 30_000,
  });
}
