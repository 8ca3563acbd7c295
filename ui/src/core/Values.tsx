// Single values as they read everywhere: money, durations, times, counts, statuses.

import * as format from "./format";
import { Text } from "./Text";

/** Dollars; what is unknown says so, what is estimated has its mark. */
export function Money({ usd, estimated = false }: { usd: string | null | undefined; estimated?: boolean }) {
  if (usd === null || usd === undefined) {
    return (
      <span className="hg-unknown" title="no price is known for this">
        unknown
      </span>
    );
  }
  return (
    <span className="hg-number" title={`$${usd}${estimated ? ", estimated" : ""}`}>
      {estimated && <abbr title="estimated">≈</abbr>}
      {format.money(usd)}
    </span>
  );
}

export function Duration({ ms }: { ms: number | null | undefined }) {
  if (ms === null || ms === undefined) {
    return <span className="hg-unknown">–</span>;
  }
  return (
    <span className="hg-number" title={`${ms} ms`}>
      {format.duration(ms)}
    </span>
  );
}

export function Count({ value }: { value: number }) {
  return <span className="hg-number">{format.count(value)}</span>;
}

export function Instant({ at, withDay = true }: { at: string; withDay?: boolean }) {
  return (
    <time className="hg-number" dateTime={at} title={at}>
      {withDay ? `${format.day(at)} ` : ""}
      {format.clock(at)}
    </time>
  );
}

/** A time that is known to the minute, or means no more. */
export function Moment({ at }: { at: string }) {
  return (
    <time className="hg-number hg-nowrap" dateTime={at} title={at}>
      {format.moment(at)}
    </time>
  );
}

export type Tone = "good" | "warn" | "bad" | "quiet" | "accent";

/** A state by shape and word as well as by colour. */
export function State({ tone, children }: { tone: Tone; children: React.ReactNode }) {
  return (
    <span className={`hg-state hg-${tone}`}>
      <span className="hg-shape" aria-hidden="true" />
      {children}
    </span>
  );
}

export function toneOfStatus(status: number): Tone {
  if (status >= 500) {
    return "bad";
  }
  return status >= 400 ? "warn" : "good";
}

export function Status({ status, code }: { status: number; code?: string | null }) {
  return (
    <State tone={toneOfStatus(status)}>
      <span className="hg-number">{status}</span>
      {code ? (
        <span className="hg-code-word">
          <Text>{code}</Text>
        </span>
      ) : null}
    </State>
  );
}

export function Name({ children }: { children: string }) {
  return (
    <span className="hg-name" title={children}>
      <Text>{children}</Text>
    </span>
  );
}

/** A share of a whole, as a short bar and in words. */
export function Share({ of, label }: { of: number; label?: string }) {
  return (
    <span className="hg-share">
      <progress value={Math.min(1, of)} max={1} aria-label={label ?? format.percent(of)} />
      <span className="hg-number">{format.percent(of)}</span>
    </span>
  );
}
