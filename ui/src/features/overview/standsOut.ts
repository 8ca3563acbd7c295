// What stands out, in words: each sentence says what, how much, and leads to the calls behind it. Pure.

import { money, moment, percent, duration } from "@/core/format";
import { type Budget, burnOf, meterOf } from "../budgets/burn";
import { outlookOf } from "../budgets/outlook";
import type { Forecast } from "../budgets/useForecasts";
import type { Change } from "../series/useMarks";
import type { Series, SeriesGroup } from "../series/useSeries";

export interface Sentence {
  /** Most urgent first. */
  weight: number;
  tone: "bad" | "warn" | "quiet";
  text: string;
  path: string;
  filter?: Record<string, string>;
  /** Whether it is of all environments, whichever one looks at. */
  isOfAll?: boolean;
}

export interface Known {
  now: number;
  all: Series | undefined;
  byModel: Series | undefined;
  budgets: Budget[];
  /** Where budgets lead, as the page of spend says it; of a budget without one its rate alone is known. */
  forecasts: Map<string, Forecast>;
  unknownShare: number | null;
  changes: Change[];
  /** Calls of prompts that stand in no release, of all calls of environments. */
  unreleased: { calls: number; share: number; prompt: string } | null;
}

const CALLS_MIN = 40;
const SLOWER = 1.3;
const FAILS = 0.02;
/** Of how many more calls have to fail for it to be worth a word. */
const FAILS_MORE = 0.03;
/** What may be the cause: an alert is only ever an effect. */
const CAUSES: Change["kind"][] = ["release", "configuration", "rule", "prompt", "incident"];

export function standsOut(known: Known): Sentence[] {
  const sentences = [
    ...ofBudgets(known.budgets, known.forecasts, known.now),
    ...ofModels(known.byModel, known.changes),
    ...ofFailures(known.all),
    ...ofPrices(known.all),
    ...ofUnknown(known.unknownShare),
    ...ofUnreleased(known.unreleased),
  ];
  return sentences.sort((one, other) => other.weight - one.weight);
}

/** The same words as the page of spend has: of a forecast where there is one, else by the rate alone. */
function ofBudgets(budgets: Budget[], forecasts: Known["forecasts"], now: number): Sentence[] {
  return budgets.flatMap((budget): Sentence[] => {
    const burn = burnOf(budget, now);
    const name = meterOf(budget);
    const { tone, text, more } = outlookOf(budget, forecasts.get(name), now);
    if (tone !== "bad" && tone !== "warn") {
      return [];
    }
    const place = { path: "/spend", filter: { budget: name }, isOfAll: true };
    const spent = `${money(burn.spent)} of ${money(burn.limit)}`;
    return tone === "bad"
      ? [{ ...place, weight: 100, tone, text: `${name} is ${text}${more ? ` ${more}` : ""}: ${spent}` }]
      : [{ ...place, weight: 80 + burn.share * 10, tone, text: `${name} ${text}${more ? ` (${more})` : ""}: ${spent} spent` }];
  });
}

interface Split {
  /** The first step after it. */
  place: number;
  since: string;
}

/** Where to look for a before and an after: at each thing that changed, and at the last quarter of the time. */
function splitsOf(series: Series, changes: Change[]): Split[] {
  const steps = series.at.map((at) => Date.parse(at));
  const last = Math.floor(steps.length * 0.75);
  const found = changes
    .filter((change) => CAUSES.includes(change.kind))
    .map((change) => ({ place: steps.findIndex((step) => step >= Date.parse(change.at)), since: change.name }));
  return [
    ...found.filter((split) => split.place > 0).reverse(),
    { place: last, since: moment(series.at[last] ?? series.begin) },
  ];
}

/** What became worse of each model, and since when: of all splits the one that tells most, a change before none. */
function ofModels(series: Series | undefined, changes: Change[]): Sentence[] {
  if (!series) {
    return [];
  }
  const splits = splitsOf(series, changes);
  return series.groups.flatMap((group): Sentence[] =>
    group.name === null || group.name === "" ? [] : [...slower(group, group.name, splits), ...failing(group, group.name, splits)],
  );
}

function worst<T extends { worse: number }>(found: T[]): T | undefined {
  const most = Math.max(...found.map((each) => each.worse));
  return found.find((each) => each.worse >= most * 0.9);
}

function slower(group: SeriesGroup, name: string, splits: Split[]): Sentence[] {
  const found = splits.flatMap((split) => {
    const before = stretch(group, 0, split.place);
    const after = stretch(group, split.place, group.ok.length);
    const isKnown = before.timed >= CALLS_MIN && after.timed >= CALLS_MIN;
    return isKnown ? [{ since: split.since, before, after, worse: after.p95 / before.p95 }] : [];
  });
  const most = worst(found);
  if (!most || most.worse < SLOWER) {
    return [];
  }
  const text = `${name}: p95 up ${percent(most.worse - 1)} since ${most.since}, from ${duration(most.before.p95)} to ${duration(most.after.p95)}`;
  return [{ weight: 50 + most.worse, tone: "warn", text, path: "/requests", filter: { model: name } }];
}

function failing(group: SeriesGroup, name: string, splits: Split[]): Sentence[] {
  const found = splits.flatMap((split) => {
    const before = stretch(group, 0, split.place);
    const after = stretch(group, split.place, group.ok.length);
    const isKnown = before.calls >= CALLS_MIN && after.calls >= CALLS_MIN;
    return isKnown ? [{ since: split.since, before, after, worse: after.fails - before.fails }] : [];
  });
  const most = worst(found);
  if (!most || most.worse < FAILS_MORE || most.after.fails < most.before.fails * 2) {
    return [];
  }
  const text = `${name}: ${percent(most.after.fails)} of calls fail since ${most.since}, ${percent(most.before.fails)} did before`;
  return [{ weight: 70 + most.worse * 20, tone: "bad", text, path: "/requests", filter: { model: name, status: "error" } }];
}

/** What a stretch was like: its p95 weighted by calls, and the share of calls that failed. */
function stretch(group: SeriesGroup, from: number, to: number): { calls: number; timed: number; p95: number; fails: number } {
  let calls = 0;
  let timed = 0;
  let sum = 0;
  let failed = 0;
  for (let place = from; place < to; place += 1) {
    const p95 = group.duration_p95_ms[place];
    const fails = (group.client_errors[place] ?? 0) + (group.server_errors[place] ?? 0);
    const here = (group.ok[place] ?? 0) + fails;
    calls += here;
    failed += fails;
    if (p95 !== null && p95 !== undefined) {
      timed += here;
      sum += p95 * here;
    }
  }
  return { calls, timed, p95: timed > 0 ? sum / timed : 0, fails: calls > 0 ? failed / calls : 0 };
}

function ofFailures(series: Series | undefined): Sentence[] {
  const calls = series?.groups[0]?.calls ?? 0;
  return (series?.failures ?? []).flatMap((line): Sentence[] => {
    const share = calls > 0 ? line.calls / calls : 0;
    if (line.code === null || share < FAILS) {
      return [];
    }
    const text = `${percent(share)} of calls fail ${line.code ? `with ${line.code}` : "without a code"}: ${line.calls} of ${calls}`;
    return [{ weight: 60 + share * 30, tone: "bad", text, path: "/requests", filter: line.code ? { code: line.code } : { status: "error" } }];
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
  return [{ weight: 20, tone: "quiet", text, path: "/prompts", filter: { show: "unknown" }, isOfAll: true }];
}

function ofUnreleased(found: Known["unreleased"]): Sentence[] {
  if (found === null || found.share < 0.005) {
    return [];
  }
  const text = `${percent(found.share)} of traffic uses a prompt that is in no release: ${found.calls} calls, most of ${found.prompt}`;
  return [{ weight: 25, tone: "warn", text, path: "/requests", filter: { prompt: found.prompt } }];
}
