import { SubPages } from "@/shell/SubPages";

const PAGES = [
  { path: "/access", title: "Keys" },
  { path: "/access/roles", title: "Who may what" },
  { path: "/access/projects", title: "Projects", grant: "projects:read" },
  { path: "/access/audit", title: "Audit", grant: "audit:read" },
];

export function AccessPages({ children, end }: { children: React.ReactNode; end?: React.ReactNode }) {
  return (
    <SubPages title="Access" pages={PAGES} end={end}>
      {children}
    </SubPages>
  );
}
