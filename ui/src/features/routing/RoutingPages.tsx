import { SubPages } from "@/shell/SubPages";

const PAGES = [
  { path: "/routing", title: "Models" },
  { path: "/routing/providers", title: "Providers", grant: "providers:read" },
  { path: "/routing/rules", title: "Rules", grant: "rules:read" },
];

export function RoutingPages({ children, end }: { children: React.ReactNode; end?: React.ReactNode }) {
  return (
    <SubPages title="Routing" pages={PAGES} end={end}>
      {children}
    </SubPages>
  );
}
