// How numbers, money, durations and times read. Pure.

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function count(value: number): string {
  return COUNT.format(value);
}

/** 12,345 as 12.3K: for axes and facets, where the exact number is one click away. */
export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? COUNT.format(value) : COMPACT.format(value);
}

/** Dollars, as the API writes them, of what is counted in millionths of a millionth of one. */
export function usdOf(picoUsd: number): string {
  return String(picoUsd / 1e12);
}

/** Dollars from a decimal string: cents where that says enough, else three significant digits. */
export function money(usd: string | number): string {
  const value = Number(usd);
  if (!Number.isFinite(value)) {
    return "$?";
  }
  const size = Math.abs(value);
  if (size === 0) {
    return "$0";
  }
  if (size >= 100_000) {
    return `$${COMPACT.format(value)}`;
  }
  if (size >= 1) {
    return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  }
  const digits = Math.min(12, 2 - Math.floor(Math.log10(size)));
  return `$${value.toFixed(digits).replace(/0+$/, "").replace(/\.$/, "")}`;
}

export function duration(ms: number): string {
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < 60_000) {
    return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  }
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** The same of microseconds: 34 µs, 1.2 ms, and from 10 ms on as `duration` has it. */
export function tookMicroseconds(us: number): string {
  if (us < 1000) {
    return `${Math.round(us)} µs`;
  }
  return us < 10_000 ? `${(us / 1000).toFixed(1)} ms` : duration(us / 1000);
}

/** How long something lasts, in its largest unit: "3 days", "5 hours". */
export function span(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, "day"],
    [3_600_000, "hour"],
    [60_000, "minute"],
    [1000, "second"],
  ];
  for (const [size, name] of units) {
    const whole = Math.round(ms / size);
    if (whole >= (name === "second" ? 0 : 2) || name === "second") {
      return `${whole} ${name}${whole === 1 ? "" : "s"}`;
    }
  }
  return "";
}

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

/** The time of day, with milliseconds: 14:03:09.120. */
export function clock(instant: string | number): string {
  const at = new Date(instant);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

export function day(instant: string | number): string {
  const at = new Date(instant);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

/** Day and time of day, without seconds. */
export function moment(instant: string | number): string {
  const at = new Date(instant);
  return `${day(instant)} ${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

export function percent(share: number): string {
  const value = share * 100;
  const digits = value !== 0 && Math.abs(value) < 10 ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}

export function bytes(size: number): string {
  if (size < 1024) {
    return `${size} B`;
  }
  return size < 1024 * 1024 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / 1024 / 1024).toFixed(1)} MiB`;
}
