import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, ask } from "@/api";
import { Empty } from "@/core/States";
import { State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { type Shared, useShared } from "@/shell/view";
import { useBudgets } from "../budgets/useBudgets";
import { type Forecast, useForecasts } from "../budgets/useForecasts";
import { useMarks } from "../series/useMarks";
import { type Series, useSeries } from "../series/useSeries";
import { sum } from "./grouping";
import { type Known, standsOut } from "./standsOut";

const MINUTE_MS = 60_000;
const ENVIRONMENTS_MAX = 4;
const NO_FORECASTS = new Map<string, Forecast>();

/** The share of calls of which no prompt is known, from the catalogue's own count. */
function useUnknownShare(): number | null {
  const found = useQuery({
    queryKey: ["unknown prompts"],
    queryFn: () => ask(api.GET("/api/v1/prompts/unknown", { params: { query: { limit: 100 } } })),
    enabled: useMay("prompts:read") && useMay("budgets:read"),
    staleTime: MINUTE_MS,
  });
  const items = found.data?.items;
  return items && items.length > 0 ? Math.min(1, sum(items.map((each) => each.share))) : null;
}

/** Of the calls of environments, those of prompts that their release does not hold. */
function useUnreleased(view: Shared): Known["unreleased"] {
  const found = useQuery({
    queryKey: ["unreleased", view.project, view.environment],
    queryFn: () => unreleased(view),
    enabled: useMay("releases:read") && useMay("costs:read"),
    staleTime: MINUTE_MS,
  });
  return found.data ?? null;
}

async function unreleased({ project, environment }: Shared): Promise<Known["unreleased"]> {
  const environments = await ask(api.GET("/api/v1/environments", { params: { query: { limit: 100 } } }));
  const ours = environments.items
    .filter((each) => (!project || each.project === project) && (!environment || each.name === environment))
    .slice(0, ENVIRONMENTS_MAX);
  const found = await Promise.all(
    ours.map(async (each) => {
      const params = { path: { name: each.name }, query: { project: each.project } };
      const status = await ask(api.GET("/api/v1/environments/{name}/status", { params }));
      const query = { group_by: "release", project: each.project, from: status.since, limit: 500 };
      const costs = await ask(api.GET("/api/v1/costs", { params: { query } }));
      const calls = sum(costs.items.filter((row) => row.release === each.release).map((row) => row.requests));
      return { calls, items: status.unreleased };
    }),
  );
  const items = found.flatMap((each) => each.items).sort((one, other) => other.calls - one.calls);
  const calls = sum(items.map((each) => each.calls));
  const all = Math.max(calls, sum(found.map((each) => each.calls)));
  return items[0] ? { calls, share: calls / all, prompt: items[0].prompt } : null;
}

/** What stands out in this time, in words, the most urgent first. */
export function StandsOut({ series }: { series: Series }) {
  const view = useShared();
  const byModel = useSeries(view, { group_by: "model" });
  const budgets = useBudgets(view);
  const forecasts = useForecasts(view);
  const unknownShare = useUnknownShare();
  const ofNoRelease = useUnreleased(view);
  const changes = useMarks(view);
  const sentences = useMemo(
    () =>
      standsOut({
        now: Date.now(),
        all: series,
        byModel: byModel.data,
        // Where one leads is said once the forecasts are there, and not by its rate before.
        budgets: forecasts.isLoading ? [] : (budgets.data ?? []),
        forecasts: forecasts.data ?? NO_FORECASTS,
        unknownShare,
        changes,
        unreleased: ofNoRelease,
      }),
    [series, byModel.data, budgets.data, forecasts.data, forecasts.isLoading, unknownShare, changes, ofNoRelease],
  );
  if (series.groups[0]?.calls === 0) {
    return (
      <Empty title="No call in this time">
        <p className="hg-soft">Choose another time, project or environment at the top.</p>
      </Empty>
    );
  }
  return (
    <section className="hg-stands-out" aria-label="what stands out">
      <h2>What stands out</h2>
      <ul>
        {sentences.map((sentence) => (
          <li key={sentence.text}>
            <State tone={sentence.tone}>
              <To path={sentence.path} filter={sentence.filter ?? {}}>
                {sentence.text}
              </To>
            </State>
          </li>
        ))}
        {sentences.length === 0 && (
          <li>
            <State tone="good">Nothing: spend, errors and latency are as they were.</State>
          </li>
        )}
      </ul>
      {view.environment && sentences.some((each) => each.isOfAll) && (
        <p className="hg-soft">What is said of budgets and of unknown prompts is of all environments.</p>
      )}
    </section>
  );
}
