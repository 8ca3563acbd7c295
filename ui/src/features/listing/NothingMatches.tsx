import { Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { type Shared, useShared, useView } from "@/shell/view";
import { titleOf } from "./none";

const SHARED_TITLES = { project: "Project", environment: "Environment" } as const;

/** All that a list is narrowed by, beside its time: its own filters, and those that every page shares. Pure. */
export function narrowedBy(view: Shared, filters: Record<string, string>): Record<string, string> {
  return {
    ...(view.project ? { project: view.project } : {}),
    ...(view.environment ? { environment: view.environment } : {}),
    ...filters,
  };
}

interface NothingMatchesProps {
  noun: string;
  filters: Record<string, string>;
  titles: Record<string, string>;
}

/** A filtered list without a row: which filters leave nothing, and a way to take them away. */
export function NothingMatches({ noun, filters, titles }: NothingMatchesProps) {
  const view = useShared();
  const { set } = useView();
  const all = Object.entries(narrowedBy(view, filters));
  const named: Record<string, string> = { ...SHARED_TITLES, ...titles };
  return (
    <Empty title={`No ${noun} matches`}>
      <p className="hg-soft">
        In this time none has{" "}
        {all.map(([name, value], place) => (
          <span key={name}>
            {place > 0 && " and "}
            {named[name] ?? name}: <Text>{titleOf(value)}</Text>
          </span>
        ))}
        .
      </p>
      <button type="button" className="hg-button" onClick={() => set(Object.fromEntries(all.map(([name]) => [name, null])))}>
        Take the filters away
      </button>
    </Empty>
  );
}
