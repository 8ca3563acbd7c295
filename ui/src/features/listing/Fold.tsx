import { IconLayoutSidebar } from "@tabler/icons-react";
import { useMediaQuery } from "@mantine/hooks";
import { useState } from "react";

const NARROW = "(max-width: 1199px)";
const PLACE = "hg-facets";

export interface Fold {
  /** Whether the window is too narrow to show facets beside a list by themselves. */
  isNarrow: boolean;
  isOpen: boolean;
  toggle: () => void;
}

/** Whether facets stand beside their list: always in a wide window, in a narrow one when they are asked for. */
export function useFold(): Fold {
  const isNarrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false });
  const [isAsked, setAsked] = useState(false);
  return { isNarrow, isOpen: !isNarrow || isAsked, toggle: () => setAsked(!isAsked) };
}

/** Opens the facets of a narrow window, and folds them away. */
export function FoldButton({ fold, chosen }: { fold: Fold; chosen: number }) {
  if (!fold.isNarrow) {
    return null;
  }
  return (
    <button type="button" className="hg-button hg-quiet-button" aria-expanded={fold.isOpen} aria-controls={PLACE} onClick={fold.toggle}>
      <IconLayoutSidebar size={14} stroke={1.6} aria-hidden="true" /> Facets{chosen > 0 && ` (${chosen})`}
    </button>
  );
}

/** What rows have in common, beside their list; folded away it is not counted either. */
export function FacetColumn({ fold, children }: { fold: Fold; children: React.ReactNode }) {
  return (
    <aside id={PLACE} className="hg-facets" aria-label="filters" hidden={!fold.isOpen}>
      {fold.isOpen && children}
    </aside>
  );
}
