import { SubPages } from "@/shell/SubPages";

const PAGES = [
  { path: "/experiments", title: "Experiments", grant: "experiments:read" },
  { path: "/rollouts", title: "Rollouts", grant: "rollouts:read" },
  { path: "/checks", title: "Checks", grant: "checks:read" },
  { path: "/datasets", title: "Datasets", grant: "datasets:read" },
  { path: "/reviews", title: "Reviews", grant: "judges:read" },
  { path: "/drift", title: "Drift", grant: "drift:read" },
];

/** The pages that say whether it works: what is known of arms, requirements, judges and models. */
export function EvaluationPages({ children, end }: { children: React.ReactNode; end?: React.ReactNode }) {
  return (
    <SubPages title="Experiments" pages={PAGES} end={end}>
      {children}
    </SubPages>
  );
}
