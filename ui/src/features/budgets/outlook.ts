// What is said of where a budget leads: by its forecast, and by its rate alone where too little is known. Pure.

import { day, moment, money, percent } from "@/core/format";
import { type Budget, type Burn, burnOf } from "./burn";
import type { Forecast } from "./useForecasts";

export interface Outlook {
  tone: "bad" | "warn" | "good" | "quiet";
  text: string;
  /** How sure that is, or why nothing is known; empty where there is nothing to add. */
  more: string;
  /** When it runs out: null where it lasts. */
  endsAt: string | null;
}

const MAY = 0.1;

export function outlookOf(budget: Budget, forecast: Forecast | undefined, now: number): Outlook {
  const burn = burnOf(budget, now);
  if (burn.limit > 0 && burn.share >= 1) {
    const until = budget.window_end ? `until ${moment(budget.window_end)}` : "";
    return { tone: "bad", text: "used up", more: until, endsAt: null };
  }
  if (burn.spent === 0) {
    return { tone: "quiet", text: "nothing spent yet", more: "", endsAt: null };
  }
  // A budget of a day or less runs out at a time of day.
  const when = budget.window === "hour" || budget.window === "day" ? moment : day;
  return forecast?.runs_out ? projected(forecast, forecast.runs_out, when) : byRate(burn, forecast, when);
}

type When = (instant: string) => string;

function projected(forecast: Forecast, runsOut: NonNullable<Forecast["runs_out"]>, when: When): Outlook {
  const share = percent(runsOut.share);
  if (runsOut.at !== null) {
    const latest = runsOut.latest === null ? "not before its end" : when(runsOut.latest);
    const between = runsOut.earliest === null ? "" : `, ${when(runsOut.earliest)} to ${latest} in 8 of 10`;
    return { tone: "warn", text: `runs out on ${when(runsOut.at)}`, more: `${share} of projections${between}`, endsAt: runsOut.at };
  }
  if (runsOut.share >= MAY) {
    return { tone: "warn", text: "may run out", more: `in ${share} of projections`, endsAt: null };
  }
  const last = (place: number): string => money(forecast.quantiles[place]?.usd.at(-1) ?? "0");
  const end = forecast.quantiles.length;
  return { tone: "good", text: `lasts: ${last(Math.floor(end / 2))} at its end`, more: `${last(0)} to ${last(end - 1)} in 8 of 10`, endsAt: null };
}

function byRate(burn: Burn, forecast: Forecast | undefined, when: When): Outlook {
  const more = forecast?.too_little ?? "";
  if (burn.endsAt !== null) {
    const endsAt = new Date(burn.endsAt).toISOString();
    return { tone: "warn", text: `runs out on ${when(endsAt)} at this rate`, more, endsAt };
  }
  if (burn.expected !== null) {
    return { tone: "quiet", text: `${money(burn.expected)} at its end at this rate`, more, endsAt: null };
  }
  return { tone: "quiet", text: "has no end", more, endsAt: null };
}
