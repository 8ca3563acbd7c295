import { ColumnChooser, Chips, TextFilter } from "../listing/FilterBar";
import { SavedViews } from "../listing/SavedViews";
import { COLUMNS, SHOWN_BY_DEFAULT } from "./columns";
import { FIELDS, type Filters } from "./filters";

/** The filters that hold; a search in texts; saved views; columns. */
export function ListBar(props: { filters: Filters; columns: string | undefined; children: React.ReactNode }) {
  const { filters, columns, children } = props;
  return (
    <div className="hg-list-bar">
      <TextFilter key={filters.text ?? ""} text={filters.text ?? ""} label="Text in messages and answers" />
      <Chips filters={filters} titles={FIELDS} />
      <span className="hg-spring" />
      {children}
      <SavedViews list="requests" />
      <ColumnChooser columns={COLUMNS} chosen={columns} byDefault={SHOWN_BY_DEFAULT} />
    </div>
  );
}
