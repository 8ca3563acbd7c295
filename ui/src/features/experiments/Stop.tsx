import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask } from "@/api";
import { Confirm, Field } from "@/core/Dialogs";
import { Text } from "@/core/Text";
import { useChange } from "@/shell/useChange";
import { parseSearch, patched, shared } from "@/shell/view";
import type { Report } from "./experimentWords";

const ASKED_AGAIN = ["experiments", "experiment", "experiment looks", "timeline", "audit"];

/** Stops an experiment for ever, once one has said why, and leads to what was sealed. */
export function Stop({ report, onClose }: { report: Report; onClose: () => void }) {
  const navigate = useNavigate();
  const [arm, setArm] = useState("");
  const [reason, setReason] = useState("");
  const stop = useChange(() => {
    const body = { arm: arm || null, reason: reason.trim(), version: report.version };
    return ask(api.POST("/api/v1/experiments/{name}/stop", { params: { path: { name: report.name } }, body }));
  }, ASKED_AGAIN);
  return (
    <Confirm
      title={`Stop ${report.name}`}
      isOpen
      onClose={onClose}
      size="lg"
      label="Stop it for ever"
      isDangerous
      isBusy={stop.isPending}
      isReady={reason.trim() !== ""}
      error={stop.error}
      onConfirm={() =>
        stop.mutate(undefined, {
          onSuccess: () => {
            const search = patched(shared(parseSearch(window.location.search)), { version: report.version });
            void navigate({ to: `/experiments/${encodeURIComponent(report.name)}/decision`, search: search as never });
          },
        })
      }
    >
      <div className="hg-what">
        <p>
          <Text>{report.sentence}</Text>
        </p>
        <p>
          From then on every call for <strong>{report.alias}</strong> goes where headgate.toml says, within a second, and
          all that is known is sealed. It can't be taken back; to try again, give the experiment another salt.
        </p>
      </div>
      <Field label="Decided for" hint="is written down; to adopt an arm, give its targets to the model in headgate.toml">
        <select className="hg-input" value={arm} onChange={(event) => setArm(event.currentTarget.value)} data-autofocus>
          <option value="">no arm</option>
          {report.arms.map((each) => (
            <option key={each.name} value={each.name}>
              {each.name}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Why" hint="stands in the decision for ever">
        <textarea
          className="hg-input"
          value={reason}
          maxLength={2000}
          onChange={(event) => setReason(event.currentTarget.value)}
          required
        />
      </Field>
    </Confirm>
  );
}
