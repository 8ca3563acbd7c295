// What stands out, in words: each sentence says what, how much, and leads to the calls behind it. Pure.

import { money, moment, percent, duration } from "@/core/format";
import { type Budget, burnOf, meterOf } from "../budgets/burn";
import type { Series, SeriesGroup } from "../series/useSeries";

export interface Sentence {
  /** Most urgent first. */
  weight: number;
  tone: "bad" | "warn" | "quiet";
  text: string;
  path: string;
  filter?: Record<string, string>;
}

export interface Known {
  now: number;
  all: Series | undefined;
  byModel: Series | undefined;
  budgets: Budget[];
  unknownShare: number | null;
}

const CALLS_MIN = 40;
const SLOWER = 1.3;
const FAILS = 0.02;

export function standsOut(known: Known): Sentence[] {
  const sentences = [
    ...ofBudgets(known.budgets, known.now),
    ...ofModels(known.byModel),
    ...ofFailures(known.all),
    ...ofPrices(known.all),
    ...ofUnknown(known.unknownShare),
  ];
  return sentences.sort((one, other) => other.weight - one.weight);
}

function ofBudgets(budgets: Budget[], now: number): Sentence[] {
  return budgets.flatMap((budget): Sentence[] => {
    const burn = burnOf(budget, now);
    const name = meterOf(budget);
    const place = { path: "/spend" };
    if (burn.share >= 1 && burn.limit > 0) {
      const until = budget.window_end ? ` until ${moment(budget.window_end)}` : "";
      return [{ ...place, weight: 100, tone: "bad", text: `${name} is used up${until}: ${money(burn.spent)} of ${money(burn.limit)}` }];
    }
    if (burn.endsAt !== null) {
      return [{ ...place, weight: 80 + burn.share * 10, tone: "warn", text: `${name} runs out on ${moment(burn.endsAt)} at this rate: ${money(burn.spent)} of ${money(burn.limit)} spent` }];
    }
    return [];
  });
}

/** Whether the last quarter of the time was slower than what went before it. */
function ofModels(series: Series | undefined): Sentence[] {
  if (!series) {
    return [];
  }
  const from = Math.floor(series.at.length * 0.75);
  return series.groups.flatMap((group): Sentence[] => {
    if (group.name === null || group.name === "") {
      return [];
    }
    const before = typical(group, 0, from);
    const lately = typical(group, from, series.at.length);
    if (!before || !lately || lately.p95 < before.p95 * SLOWER) {
      return [];
    }
    const more = percent(lately.p95 / before.p95 - 1);
    const since = moment(series.at[from] ?? series.begin);
    return [
      {
        weight: 50 + lately.p95 / before.p95,
        tone: "warn",
        text: `${group.name}: p95 up ${more} since ${since}, from ${duration(before.p95)} to ${duration(lately.p95)}`,
        path: "/requests",
        filter: { model: group.name },
      },
    ];
  });
}

/** The p95 of a stretch, weighted by calls; null where too few say anything. */
function typical(group: SeriesGroup, from: number, to: number): { p95: number } | null {
  let calls = 0;
  let sum = 0;
  for (let place = from; place < to; place += 1) {
    const p95 = group.duration_p95_ms[place];
    const here = (group.ok[place] ?? 0) + (group.client_errors[place] ?? 0) + (group.server_errors[place] ?? 0);
    if (p95 !== null && p95 !== undefined) {
      calls += here;
      sum += p95 * here;
    }
  }
  return calls < CALLS_MIN ? null : { p95: sum / calls };
}

function ofFailures(series: Series | undefined): Sentence[] {
  const calls = series?.groups[0]?.calls ?? 0;
  return (series?.failures ?? []).flatMap((line): Sentence[] => {
    const share = calls > 0 ? line.calls / calls : 0;
    if (line.code === null || share < FAILS) {
      return [];
    }
    const text = `${percent(share)} of calls fail with ${line.code}: ${line.calls} of ${calls}`;
    return [{ weight: 60 + share * 30, tone: "bad", text, path: "/requests", filter: { code: line.code } }];
  });
}

function ofPrices(series: Series | undefined): Sentence[] {
  const group = series?.groups[0];
  const unpriced = group?.unpriced.reduce((sum, each) => sum + each, 0) ?? 0;
  if (!group || unpriced === 0) {
    return [];
  }
  const text = `${unpriced} of ${group.calls} calls have no known price: costs are higher than shown`;
  return [{ weight: 30, tone: "warn", text, path: "/spend", filter: { by: "target", unpriced: "only" } }];
}

function ofUnknown(share: number | null): Sentence[] {
  if (share === null || share < 0.01) {
    return [];
  }
  const text = `${percent(share)} of calls say something that no known prompt explains`;
  return [{ weight: 20, tone: "quiet", text, path: "/prompts", filter: { show: "unknown" } }];
}
