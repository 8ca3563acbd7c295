import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { ScoresOf } from "../feedback/ScoresOf";
import type { Detail } from "./detail";

/** What people, code and models said of the call, and a way to say something. */
export function CallScores({ detail }: { detail: Detail }) {
  const mayRead = useMay("feedback:read");
  const scores = useQuery({
    queryKey: ["feedback", detail.id],
    queryFn: ({ signal }) => {
      const query = { request_id: detail.id, project: detail.project, limit: 100 };
      return ask(api.GET("/api/v1/feedback", { params: { query }, signal }));
    },
    enabled: mayRead,
    staleTime: 30_000,
  });
  return mayRead ? (
    <ScoresOf items={scores.data?.items ?? []} subject={{ request_id: detail.id }} project={detail.project} of="call" />
  ) : null;
}
