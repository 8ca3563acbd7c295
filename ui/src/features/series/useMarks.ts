import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, ask } from "@/api";
import type { Mark } from "@/core/Chart";
import { useMay } from "@/shell/session";
import { type Shared, timesOf } from "@/shell/view";

const LATELY_MS = 60_000;
const ENVIRONMENTS_MAX = 6;

/** What changed: releases put in force, snapshots, and what was told of: as marks on charts. */
export function useMarks(view: Shared): Mark[] {
  const mayReleases = useMay("releases:read");
  const maySnapshots = useMay("snapshots:read");
  const mayAlerts = useMay("alerts:read");
  const found = useQuery({
    queryKey: ["marks", view.project, mayReleases, maySnapshots, mayAlerts],
    staleTime: LATELY_MS,
    refetchInterval: view.isLive ? LATELY_MS : false,
    queryFn: async () => {
      const asked = await Promise.all([
        mayReleases ? moves(view.project) : [],
        maySnapshots ? snapshots() : [],
        mayAlerts ? alerts(view.project) : [],
      ]);
      return asked.flat();
    },
  });
  const marks = found.data;
  return useMemo(() => {
    const { from, to } = timesOf(view);
    const within = (marks ?? []).filter((mark) => mark.at >= from && mark.at <= to);
    return within.sort((one, other) => one.at.localeCompare(other.at));
  }, [marks, view]);
}

async function moves(project: string | undefined): Promise<Mark[]> {
  const environments = await ask(api.GET("/api/v1/environments", { params: { query: { limit: 100 } } }));
  const ours = environments.items.filter((each) => !project || each.project === project).slice(0, ENVIRONMENTS_MAX);
  const histories = await Promise.all(
    ours.map(async (each) => {
      const params = { path: { name: each.name }, query: { project: each.project } };
      const history = await ask(api.GET("/api/v1/environments/{name}/history", { params }));
      return history.items.map((move) => ({
        at: move.at,
        name: `${each.name}: ${move.action} ${move.release ? move.release.slice(0, 8) : "nothing"}`,
      }));
    }),
  );
  return histories.flat();
}

async function snapshots(): Promise<Mark[]> {
  const found = await ask(api.GET("/api/v1/snapshots", { params: { query: { limit: 100 } } }));
  return found.items.map((each) => ({
    at: each.created_at,
    name: `configuration ${each.id.slice(0, 8)}${each.note ? `: ${each.note}` : ""}`,
  }));
}

async function alerts(project: string | undefined): Promise<Mark[]> {
  const found = await ask(api.GET("/api/v1/alerts", { params: { query: { limit: 100 } } }));
  return found.items
    .filter((each) => !project || each.project === null || each.project === project)
    .map((each) => ({ at: each.at, name: `alert: ${each.message}` }));
}
