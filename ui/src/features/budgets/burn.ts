// How fast a budget is spent, and when it runs out at that rate. Pure.

import type { Schemas } from "@/api";

export type Budget = Schemas["headgate.meters.http.BudgetView"];

export interface Burn {
  spent: number;
  reserved: number;
  limit: number;
  /** The share of the limit that is spent. */
  share: number;
  /** Dollars a millisecond since the window began; null for a window without a beginning. */
  rate: number | null;
  /** When it runs out at that rate: null where that is after the window's end, or never. */
  endsAt: number | null;
  /** What will be spent at the window's end at that rate. */
  expected: number | null;
}

const SURE_AFTER = 0.02;

export function burnOf(budget: Budget, now: number): Burn {
  const spent = Number(budget.spent_usd);
  const limit = Number(budget.limit_usd);
  const begin = budget.window_start ? Date.parse(budget.window_start) : null;
  const end = budget.window_end ? Date.parse(budget.window_end) : null;
  const burn: Burn = {
    spent,
    reserved: Number(budget.reserved_usd),
    limit,
    share: limit > 0 ? spent / limit : 1,
    rate: null,
    endsAt: null,
    expected: null,
  };
  if (begin === null || end === null || now <= begin) {
    return burn;
  }
  burn.rate = spent / (now - begin);
  burn.expected = burn.rate * (end - begin);
  // Of the first moments of a window nothing can be said yet.
  const isKnown = (now - begin) / (end - begin) >= SURE_AFTER || burn.share >= 0.5;
  if (spent < limit && burn.rate > 0 && isKnown) {
    const at = now + (limit - spent) / burn.rate;
    burn.endsAt = at < end ? at : null;
  }
  return burn;
}

/** What identifies one meter of a budget: a budget `per user` has one each. */
export function meterOf(budget: Budget): string {
  const scope = Object.entries(budget.scope)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
  return scope ? `${budget.name} (${scope})` : budget.name;
}
