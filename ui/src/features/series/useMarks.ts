import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import type { Mark } from "@/core/Chart";
import { type Shared, keyOf, timesOf } from "@/shell/view";

export type Change = Schemas["Mark"];

const LATELY_MS = 30_000;
const NONE: Change[] = [];

/** What changed in the time that all pages share, oldest first: marks on charts. */
export function useMarks(view: Shared): (Change & Mark)[] {
  const found = useQuery({
    queryKey: ["timeline", ...keyOf(view)],
    queryFn: ({ signal }) => {
      const query = {
        ...timesOf(view),
        ...(view.project ? { project: view.project } : {}),
        ...(view.environment ? { environment: view.environment } : {}),
      };
      return ask(api.GET("/api/v1/timeline", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    staleTime: LATELY_MS,
    refetchInterval: view.isLive ? LATELY_MS : false,
  });
  return found.data?.items ?? NONE;
}
