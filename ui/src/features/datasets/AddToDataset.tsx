import { IconDatabasePlus } from "@tabler/icons-react";
import { useState } from "react";
import { ApiError, api, ask } from "@/api";
import { Confirm, Field } from "@/core/Dialogs";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useChange } from "@/shell/useChange";
import { pathOf, takenWords } from "./datasetWords";
import { DATASETS, useDatasets } from "./useDatasets";

/** A call as it is asked for: its id, its project and when it began. */
export interface Wanted {
  id: string;
  project: string;
  started_at: string;
}

interface AddProps {
  /** Finds the calls once one has said where they go. */
  find: () => Promise<Wanted[]>;
  /** How many they are, in words. */
  what: string;
}

/** Takes cases from calls into a dataset, a new one if need be. */
export function AddToDataset({ find, what }: AddProps) {
  const [isOpen, setOpen] = useState(false);
  return useMay("datasets:write") ? (
    <>
      <button type="button" className="hg-button" onClick={() => setOpen(true)}>
        <IconDatabasePlus size={14} stroke={1.6} aria-hidden="true" /> Add to dataset
      </button>
      {isOpen && <Form find={find} what={what} onClose={() => setOpen(false)} />}
    </>
  ) : null;
}

function Form({ find, what, onClose }: AddProps & { onClose: () => void }) {
  const datasets = useDatasets();
  const [name, setName] = useState("");
  const [tags, setTags] = useState("");
  const add = useChange(async () => addAll(name.trim(), await find(), tagsOf(tags)), DATASETS);
  if (add.data) {
    return (
      <Confirm title="Add to dataset" isOpen onClose={onClose} label="Close" isBusy={false} error={null} onConfirm={onClose}>
        <div role="status">
          {add.data.map((taken) => (
            <div key={taken.added.project}>
              {takenWords(taken).map((said) => (
                <p key={said}>{said}</p>
              ))}
              <To path={pathOf(taken.added.name)} filter={{ of: taken.added.project }}>
                Open {taken.added.name}
              </To>
            </div>
          ))}
        </div>
      </Confirm>
    );
  }
  return (
    <Confirm
      title="Add to dataset"
      isOpen
      onClose={onClose}
      label="Add"
      isBusy={add.isPending}
      isReady={name.trim() !== ""}
      error={add.error ?? datasets.error}
      onConfirm={() => add.mutate(undefined)}
    >
      <p>{what}. What was asked becomes a case; what a good answer is, is yours to add.</p>
      <Field label="Dataset" hint="one that there is, or the name of a new one">
        <input className="hg-input" list="datasets" value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus required />
      </Field>
      <datalist id="datasets">
        {[...new Set(datasets.data?.items.map((each) => each.name))].map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      <Field label="Tags" hint="with commas; may stay empty">
        <input className="hg-input" value={tags} onChange={(event) => setTags(event.currentTarget.value)} />
      </Field>
    </Confirm>
  );
}

function tagsOf(text: string): string[] {
  return text.split(",").map((each) => each.trim()).filter((each) => each !== "");
}

const MINUTE_MS = 60_000;

/** A dataset is of one project: calls of several go into one each. */
async function addAll(name: string, calls: Wanted[], tags: string[]) {
  if (calls.length === 0) {
    throw new ApiError(0, "nothing", "no call matches", "choose a longer time or fewer filters", "");
  }
  const projects = new Map<string, Wanted[]>();
  for (const call of calls) {
    projects.set(call.project, [...(projects.get(call.project) ?? []), call]);
  }
  return Promise.all([...projects].map(([project, found]) => addOne(name, project, found, tags)));
}

async function addOne(name: string, project: string, calls: Wanted[], tags: string[]) {
  const { items } = await ask(api.GET("/api/v1/datasets", { params: { query: { limit: 500 } } }));
  if (!items.some((each) => each.name === name && each.project === project)) {
    await ask(api.POST("/api/v1/datasets", { params: { query: { project } }, body: { name } }));
  }
  const times = calls.map((call) => Date.parse(call.started_at));
  const body = {
    request_ids: calls.map((call) => call.id),
    trace_ids: [],
    model: null,
    tag: null,
    feedback: null,
    least: null,
    most: null,
    since: new Date(Math.min(...times) - MINUTE_MS).toISOString(),
    until: new Date(Math.max(...times) + MINUTE_MS).toISOString(),
    limit: calls.length,
    tags,
  };
  return ask(api.POST("/api/v1/datasets/{name}/calls", { params: { path: { name }, query: { project } }, body }));
}
