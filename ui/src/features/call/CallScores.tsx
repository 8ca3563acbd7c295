import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { FeedbackTable } from "../feedback/FeedbackTable";
import type { Detail } from "./detail";

/** What people, code and models said of the call. */
export function CallScores({ detail }: { detail: Detail }) {
  const scores = useQuery({
    queryKey: ["feedback", detail.id],
    queryFn: ({ signal }) => {
      const query = { request_id: detail.id, project: detail.project, limit: 100 };
      return ask(api.GET("/api/v1/feedback", { params: { query }, signal }));
    },
    enabled: useMay("feedback:read"),
    staleTime: 30_000,
  });
  return <FeedbackTable items={scores.data?.items ?? []} />;
}
