import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { Answered } from "@/core/States";
import { useMay } from "@/shell/session";
import { ScoresOf } from "./ScoresOf";

interface FeedbackOfProps {
  subject: { request_id: string } | { session: string };
  project: string;
  /** What it is said of, in a word. */
  of: string;
}

/** What people, code and models said of a call, or of a session as a whole, and a way to say something. */
export function FeedbackOf({ subject, project, of }: FeedbackOfProps) {
  const mayRead = useMay("feedback:read");
  const scores = useQuery({
    queryKey: ["feedback", subject, project],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/feedback", { params: { query: { ...subject, project, limit: 100 } }, signal })),
    enabled: mayRead,
    staleTime: 30_000,
  });
  return mayRead ? (
    <Answered of={scores} what="scores">
      {({ items }) => <ScoresOf items={items} subject={subject} project={project} of={of} />}
    </Answered>
  ) : null;
}
