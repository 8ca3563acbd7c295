import { count } from "@/core/format";

/** From here on more evidence tells nobody more. */
const FAR = 1000;

interface EvidenceProps {
  of: { phase: string; evidence: number; alarm_at: number };
}

/** How much speaks for a change, against what makes an alarm; nothing while it learns. */
export function Evidence({ of }: EvidenceProps) {
  if (of.phase === "reference") {
    return <span className="hg-soft">–</span>;
  }
  const isAlarmed = of.phase === "alarmed";
  // What an alarm takes grows with the watches that there are: the one that was told took what it took then.
  const said = isAlarmed
    ? `${digits(of.evidence)} when it was told`
    : of.evidence >= FAR * of.alarm_at ? `over ${count(FAR)} times what an alarm takes` : `${digits(of.evidence)}, an alarm takes ${digits(of.alarm_at)}`;
  return (
    <span className="hg-number hg-evidence" title="evidence that no change would bring about on average more than once in the time that [drift] names">
      <meter min={0} max={1} value={isAlarmed ? 1 : wayOf(of.evidence, of.alarm_at)} high={0.75} optimum={0} aria-label={`evidence: ${said}`} />
      {said}
    </span>
  );
}

/** How far evidence is on its way to an alarm: it grows by factors. Pure. */
export function wayOf(evidence: number, alarmAt: number): number {
  return evidence <= 1 || alarmAt <= 1 ? Number(evidence > 1) : Math.min(1, Math.log(evidence) / Math.log(alarmAt));
}

const MILLION = 1_000_000;

/** A number of evidence: two digits that count, or whole; beyond a million it tells nobody more. */
export function digits(value: number): string {
  if (value > MILLION) {
    return "over a million";
  }
  return value >= 100 ? count(Math.round(value)) : String(Number(value.toPrecision(2)));
}
