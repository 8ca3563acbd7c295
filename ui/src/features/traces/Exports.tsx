import { IconDownload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { save } from "@/api";
import type { TraceDetail } from "./useTrace";

const FORMS = [
  ["jsonl", "JSON lines", "jsonl"],
  ["otlp", "OTLP", "otlp.jsonl"],
] as const;

/** The trace as a file: as lines of our own, and as any collector reads it. */
export function Exports({ detail }: { detail: TraceDetail }) {
  const saving = useMutation({
    mutationFn: ({ form, suffix }: { form: string; suffix: string }) => {
      const project = encodeURIComponent(detail.project);
      return save(`/api/v1/traces/${detail.trace_id}/export?format=${form}&project=${project}`, `trace-${detail.trace_id}.${suffix}`);
    },
  });
  return (
    <>
      {FORMS.map(([form, title, suffix]) => (
        <button
          key={form}
          type="button"
          className="hg-button"
          title={`Save the trace as ${title}`}
          disabled={saving.isPending}
          onClick={() => saving.mutate({ form, suffix })}
        >
          <IconDownload size={14} stroke={1.6} aria-hidden="true" /> {title}
        </button>
      ))}
      {saving.error && <span role="alert">{saving.error.message}</span>}
    </>
  );
}
