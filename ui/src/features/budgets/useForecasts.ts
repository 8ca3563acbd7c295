import { useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { useMay } from "@/shell/session";
import type { Shared } from "@/shell/view";
import { type Budget, meterOf } from "./burn";

export type Forecast = Schemas["Forecast"];

const MINUTE_MS = 60_000;

/** Where the spend of the fullest budgets leads, or of the one that is named, by what tells a meter from others. */
export function useForecasts(view: Shared, budget?: string) {
  return useQuery({
    queryKey: ["forecasts", budget],
    queryFn: async ({ signal }) => {
      const params = { query: budget === undefined ? {} : { budget } };
      const found = await ask(api.GET("/api/v1/forecasts", { params, signal }));
      return new Map(found.items.map((each) => [meterOf({ name: each.budget, scope: each.scope } as Budget), each]));
    },
    enabled: useMay("budgets:read"),
    staleTime: MINUTE_MS,
    refetchInterval: view.isLive ? MINUTE_MS : false,
  });
}
