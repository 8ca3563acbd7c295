import { SubPages } from "@/shell/SubPages";

const PAGES = [
  { path: "/traces", title: "Traces" },
  { path: "/sessions", title: "Sessions" },
  { path: "/traces/metrics", title: "Metrics" },
];

/** The pages of what applications say of themselves: their steps, their conversations, what they measured. */
export function TracePages({ children, fills = false }: { children: React.ReactNode; fills?: boolean }) {
  return (
    <SubPages title="Traces" pages={PAGES} fills={fills}>
      {children}
    </SubPages>
  );
}
