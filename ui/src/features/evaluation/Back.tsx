import { IconArrowLeft } from "@tabler/icons-react";
import { Text } from "@/core/Text";
import { To } from "@/shell/To";
import type { Patch } from "@/shell/view";

interface BackProps {
  path: string;
  /** Where it leads, in words. */
  to: string;
  filter?: Patch;
  title: string;
  children?: React.ReactNode;
}

/** The head of one thing's page: the way back to the list, its name, and what one can do. */
export function Back({ path, to, filter = {}, title, children }: BackProps) {
  return (
    <header className="hg-call-head">
      <To path={path} filter={filter} className="hg-icon-button" aria-label={`back to ${to}`}>
        <IconArrowLeft size={16} stroke={1.6} />
      </To>
      <h1>
        <Text>{title}</Text>
      </h1>
      {children}
    </header>
  );
}
