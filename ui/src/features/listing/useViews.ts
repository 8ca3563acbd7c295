import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { useChange } from "@/shell/useChange";
import { type Search, useShared } from "@/shell/view";
import { type SavedView, savedViews, storeViews } from "./savedViews";

export type SharedView = Schemas["SavedView"];
export type ListPage = SharedView["page"];

/** The views of a list: those that all see who see the project, and those of this browser alone. */
export function useViews(list: ListPage) {
  const { project } = useShared();
  const mayShare = useMay("views:write");
  const [own, setOwn] = useState<SavedView[]>(() => savedViews(list));
  const found = useQuery({
    queryKey: ["saved views", list, project],
    queryFn: ({ signal }) => {
      const query = { page: list, limit: 500, ...(project ? { project } : {}) };
      return ask(api.GET("/api/v1/views", { params: { query }, signal }));
    },
    staleTime: 30_000,
  });
  const saving = useChange(
    (body: { name: string; search: Search }) => ask(api.POST("/api/v1/views", { body: { page: list, ...body, project: project ?? null } })),
    ["saved views"],
  );
  const changing = useChange(
    ({ id, ...body }: { id: string; name?: string; search?: Search }) => ask(api.PUT("/api/v1/views/{view_id}", { params: { path: { view_id: id } }, body: { name: null, search: null, ...body } })),
    ["saved views"],
  );
  const deleting = useChange((id: string) => ask(api.DELETE("/api/v1/views/{view_id}", { params: { path: { view_id: id } } })), ["saved views"]);
  function keep(next: SavedView[]): void {
    setOwn(next);
    storeViews(list, next);
  }
  return { shared: found.data?.items ?? [], asking: found, own, keep, mayShare, saving, changing, deleting };
}
