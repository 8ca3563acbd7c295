import { useQueries, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { type Shared, refreshOf } from "@/shell/view";

export type Item = Schemas["ExperimentItem"];
/** As the client reads it, which takes pairs of numbers for lists. */
export type Shown = NonNullable<ReturnType<typeof useExperiment>["data"]>;

const SENTENCES_MAX = 20;

export function useExperiments(view: Shared) {
  return useQuery({
    queryKey: ["experiments"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/experiments", { signal })),
    enabled: useMay("experiments:read"),
    refetchInterval: refreshOf(view),
  });
}

function shown(name: string, version: string | undefined) {
  return {
    queryKey: ["experiment", name, version],
    queryFn: ({ signal }: { signal: AbortSignal }) => {
      const params = { path: { name }, query: version ? { version } : {} };
      return ask(api.GET("/api/v1/experiments/{name}", { params, signal }));
    },
  };
}

export function useExperiment(name: string, version: string | undefined) {
  return useQuery(shown(name, version));
}

/** What is known of the first of them, each in its sentence. */
export function useSentences(items: readonly Item[]): (string | undefined)[] {
  const found = useQueries({
    queries: items.slice(0, SENTENCES_MAX).map((each) => ({ ...shown(each.name, each.version), staleTime: 60_000 })),
  });
  return found.map((each) => each.data?.report.sentence);
}

export function useLooks(name: string, version: string) {
  return useQuery({
    queryKey: ["experiment looks", name, version],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/experiments/{name}/looks", { params: { path: { name }, query: { version } }, signal })),
    staleTime: 60_000,
  });
}
