// A forecast as lines of a chart: what is spent until now, and from there the fan of projections. Pure.

import type { Band, Line, Mark } from "@/core/Chart";
import { money } from "@/core/format";
import type { Forecast } from "./useForecasts";

/** A limit further above everything else than so many times would leave a flat line: it is told, not drawn. */
const ABOVE = 4;

export interface Fan {
  at: string[];
  lines: Line[];
  bands: Band[];
  marks: Mark[];
  isLimitDrawn: boolean;
}

export function fanOf(forecast: Forecast): Fan {
  const { ahead_from: now, spent_usd: spent } = forecast;
  const at = [...forecast.at.slice(0, now), forecast.now, ...forecast.at.slice(now)];
  const sofar = spent.map(Number);
  const fan = forecast.quantiles.map((each) => [...Array<null>(now).fill(null), sofar.at(-1) ?? 0, ...each.usd.map(Number)]);
  const limit = Number(forecast.limit_usd);
  const highest = Math.max(...sofar, ...fan.map((line) => line.at(-1) ?? 0));
  const isLimitDrawn = limit <= highest * ABOVE;
  const middle = Math.floor(fan.length / 2);
  const lines: Line[] = [
    { label: "spent", colour: "blue", values: at.map((_, place) => sofar[place] ?? null) },
    ...forecast.quantiles.map((each, place): Line => ({
      label: place === middle ? "half of the projections below" : `${Math.round(each.share * 100)} % below`,
      colour: "mark",
      values: fan[place] ?? [],
      ...(place === middle ? { dash: [6, 4] } : { isEdge: true }),
    })),
    ...(isLimitDrawn ? [{ label: `limit, ${money(limit)}`, colour: "vermillion", values: at.map(() => limit) }] : []),
  ];
  // The outer band lies under the inner one.
  const bands = fan.slice(0, middle).map((_, place) => ({ low: place + 1, high: fan.length - place, colour: "mark" }));
  const marks = forecast.fallback_at ? [{ at: forecast.fallback_at, name: "another target takes over" }] : [];
  return { at, lines, bands, marks, isLimitDrawn };
}
