import { Link } from "@tanstack/react-router";
import { type Patch, patched, shared, useView } from "./view";

interface ToProps {
  path: string;
  /** What else the address says; the shared filter comes along, and this may change it. */
  filter?: Patch;
  className?: string;
  title?: string;
  "aria-current"?: "page" | undefined;
  "aria-label"?: string;
  children: React.ReactNode;
}

/** A link is the one to this page only where its whole path is: a page below it is another one. */
const EXACT = { exact: true, includeSearch: false };

/** A link to a page, with the filter that all pages share. */
export function To({ path, filter = {}, children, ...rest }: ToProps) {
  const { search } = useView();
  return (
    <Link to={path} search={patched(shared(search), filter) as never} activeOptions={EXACT} {...rest}>
      {children}
    </Link>
  );
}
