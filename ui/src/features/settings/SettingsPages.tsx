import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { SubPages } from "@/shell/SubPages";
import { refreshOf, useShared } from "@/shell/view";

const PAGES = [
  { path: "/settings", title: "Configuration", grant: "snapshots:read" },
  { path: "/settings/alerts", title: "Alerts", grant: "alerts:read" },
  { path: "/settings/exporters", title: "Exporters" },
  { path: "/settings/retention", title: "Retention", grant: "projects:read" },
  { path: "/settings/status", title: "Status" },
];

export function SettingsPages({ children, end }: { children: React.ReactNode; end?: React.ReactNode }) {
  return (
    <SubPages title="Settings" pages={PAGES} end={end}>
      {children}
    </SubPages>
  );
}

export function useStatus() {
  const view = useShared();
  return useQuery({
    queryKey: ["status"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/status", { signal })),
    refetchInterval: refreshOf(view),
  });
}
