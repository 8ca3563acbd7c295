import { useState } from "react";
import { compact } from "@/core/format";
import { Text } from "@/core/Text";
import { useView } from "@/shell/view";
import { titleOf } from "./none";

export interface FacetValue {
  value: string;
  title: string;
  /** How many rows have it; negative where nobody counted. */
  count: number;
}

const SHOWN = 8;

interface FacetProps {
  /** Its name in the address. */
  field: string;
  title: string;
  values: FacetValue[];
  chosen: string | undefined;
  isOpen: boolean;
  onToggle?: () => void;
  /** What its counts leave out, where they do. */
  note?: string;
}

/** What rows have in common, with how many of them; a click filters by it. */
export function Facet({ field, title, values, chosen, isOpen, onToggle, note }: FacetProps) {
  const { set } = useView();
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? values : values.slice(0, SHOWN);
  const missing = chosen !== undefined && !shown.some((each) => each.value === chosen);
  const all = missing ? [{ value: chosen, title: titleOf(chosen), count: -1 }, ...shown] : shown;
  return (
    <section className="hg-facet" aria-label={title}>
      <h2>
        {onToggle ? (
          <button type="button" aria-expanded={isOpen} onClick={onToggle}>
            {title}
            <span aria-hidden="true">{isOpen ? " −" : " +"}</span>
          </button>
        ) : (
          title
        )}
      </h2>
      {isOpen && (
        <ul>
          {all.map((each) => (
            <li key={each.value}>
              <button
                type="button"
                aria-pressed={each.value === chosen}
                title={each.title}
                onClick={() => set({ [field]: each.value === chosen ? null : each.value })}
              >
                <span className="hg-ellipsis">
                  <Text>{each.title}</Text>
                </span>
                <span className="hg-number">{each.count < 0 ? "" : compact(each.count)}</span>
              </button>
            </li>
          ))}
          {values.length > SHOWN && (
            <li>
              <button type="button" className="hg-more" onClick={() => setShowsAll(!showsAll)}>
                {showsAll ? "fewer" : `${values.length - SHOWN} more`}
              </button>
            </li>
          )}
        </ul>
      )}
      {isOpen && note && <p className="hg-soft hg-facets-note">{note}</p>}
    </section>
  );
}
