import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { type Shared, refreshOf } from "@/shell/view";

/** All budgets with what is spent and held in the present window. */
export function useBudgets(view: Shared) {
  return useQuery({
    queryKey: ["budgets"],
    queryFn: async () => (await ask(api.GET("/api/v1/budgets", { params: { query: { limit: 500 } } }))).items,
    enabled: useMay("budgets:read"),
    refetchInterval: refreshOf(view),
  });
}
