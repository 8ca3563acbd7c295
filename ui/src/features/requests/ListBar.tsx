import { ColumnChooser, Chips, TextFilter } from "../listing/FilterBar";
import { FilterMenu } from "../listing/FilterMenu";
import { SavedViews } from "../listing/SavedViews";
import { useShared } from "@/shell/view";
import { AddToDataset } from "../datasets/AddToDataset";
import { COLUMNS, SHOWN_BY_DEFAULT } from "./columns";
import { FIELDS, type Filters, WRITTEN } from "./filters";
import { ADDED_MAX, findCalls } from "./findCalls";

/** The filters that hold; a search in texts; saved views; columns. */
export function ListBar(props: { filters: Filters; columns: string | undefined; lead: React.ReactNode; children: React.ReactNode }) {
  const { filters, columns, lead, children } = props;
  const view = useShared();
  return (
    <div className="hg-list-bar">
      {lead}
      <TextFilter key={filters.text ?? ""} text={filters.text ?? ""} label="Text in messages and answers" />
      <FilterMenu fields={WRITTEN} filters={filters} />
      <Chips filters={filters} titles={FIELDS} />
      <span className="hg-spring" />
      {children}
      <AddToDataset what={`The newest calls of this list, at most ${ADDED_MAX}`} find={() => findCalls(view, filters)} />
      <SavedViews list="requests" />
      <ColumnChooser columns={COLUMNS} chosen={columns} byDefault={SHOWN_BY_DEFAULT} />
    </div>
  );
}
