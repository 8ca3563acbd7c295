import { count } from "./format";
import { Text } from "./Text";

export interface Stretch {
  text: string;
  origin: string;
  /** What stands in the tip: where it came from, in full. */
  tip: string;
}

/** How each origin is drawn and called: a tint, and a line beneath, for those who can't tell tints apart. */
export const ORIGINS: Record<string, string> = {
  template: "template",
  variable: "variable",
  history: "history",
  document: "retrieved",
  tool: "tool result",
  rule: "rule",
  unknown: "unknown",
};

/** A text, each stretch tinted by where it came from. */
export function Painted({ stretches }: { stretches: Stretch[] }) {
  return (
    <pre className="hg-verbatim hg-painted" tabIndex={0} aria-label="text of the message, by where it came from">
      {stretches.map((each, place) => (
        <span key={place} className={`hg-origin hg-origin-${each.origin}`} title={each.tip}>
          <Text>{each.text}</Text>
        </span>
      ))}
    </pre>
  );
}

/** The share of each origin as one bar, with what the tints mean beneath. */
export function OriginBar({ shares, of }: { shares: { origin: string; share: number; tokens_estimated?: number | null }[]; of: string }) {
  const shown = (share: number): string => (share < 0.01 ? "< 1 %" : `${Math.round(share * 100)} %`);
  return (
    <figure className="hg-origin-bar" aria-label={`${of}, by where it came from`}>
      <div className="hg-origin-line" aria-hidden="true">
        {shares.map((each) => (
          <span key={each.origin} className={`hg-origin-${each.origin}`} style={{ flexGrow: each.share }} />
        ))}
      </div>
      <figcaption>
        <ul className="hg-legend">
          {shares.map((each) => (
            <li key={each.origin}>
              <span className={`hg-swatch hg-origin-${each.origin}`} aria-hidden="true" />
              {ORIGINS[each.origin] ?? each.origin} <span className="hg-number">{shown(each.share)}</span>
              {typeof each.tokens_estimated === "number" && (
                <span className="hg-number hg-soft" data-fact>
                  <abbr title="estimated by characters">≈</abbr> {count(each.tokens_estimated)} tokens
                </span>
              )}
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}
