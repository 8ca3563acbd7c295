import { IconDatabasePlus } from "@tabler/icons-react";
import { useState } from "react";
import { ApiError, type Schemas, api, ask } from "@/api";
import { Confirm, Field } from "@/core/Dialogs";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useChange } from "@/shell/useChange";
import { pathOf, spanWords, takenWords } from "./datasetWords";
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
  return (
    <Adding what={`${what}. What was asked becomes a case; what a good answer is, is yours to add.`} add={async (name, tags) => addAll(name, await find(), tags)} />
  );
}

type FromTraces = Schemas["FromTraces"];

interface TracesProps {
  /** The projects whose traces they are: a dataset is of one. */
  projects: string[];
  /** Which traces: by their ids, or by the filters of a list. */
  of: Pick<FromTraces, "trace_ids" | "span_ids" | "filters">;
  what: string;
}

/** Takes cases from the model calls of traces that others sent. */
export function AddTracesToDataset({ projects, of, what }: TracesProps) {
  return (
    <Adding
      what={`${what}. What their model calls asked becomes cases, with what was answered as the answer that is expected.`}
      add={(name, tags) => Promise.all(projects.map((project) => addTraces(name, project, of, tags)))}
    />
  );
}

interface Said {
  name: string;
  project: string;
  words: string[];
}

interface AddingProps {
  what: string;
  add: (name: string, tags: string[]) => Promise<Said[]>;
}

function Adding({ what, add }: AddingProps) {
  const [isOpen, setOpen] = useState(false);
  return useMay("datasets:write") ? (
    <>
      <button type="button" className="hg-button" onClick={() => setOpen(true)}>
        <IconDatabasePlus size={14} stroke={1.6} aria-hidden="true" /> Add to dataset
      </button>
      {isOpen && <Form add={add} what={what} onClose={() => setOpen(false)} />}
    </>
  ) : null;
}

function Form({ add: addTo, what, onClose }: AddingProps & { onClose: () => void }) {
  const datasets = useDatasets();
  const [name, setName] = useState("");
  const [tags, setTags] = useState("");
  const add = useChange(() => addTo(name.trim(), tagsOf(tags)), DATASETS);
  if (add.data) {
    return (
      <Confirm title="Add to dataset" isOpen onClose={onClose} label="Close" isBusy={false} error={null} onConfirm={onClose}>
        <div role="status">
          {add.data.map((taken) => (
            <div key={taken.project}>
              {taken.words.map((said) => (
                <p key={said}>{said}</p>
              ))}
              <To path={pathOf(taken.name)} filter={{ of: taken.project }}>
                Open {taken.name}
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
      <p>{what}</p>
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
async function addAll(name: string, calls: Wanted[], tags: string[]): Promise<Said[]> {
  if (calls.length === 0) {
    throw new ApiError(0, "nothing", "no call matches", "choose a longer time or fewer filters", "");
  }
  const projects = new Map<string, Wanted[]>();
  for (const call of calls) {
    projects.set(call.project, [...(projects.get(call.project) ?? []), call]);
  }
  return Promise.all([...projects].map(([project, found]) => addOne(name, project, found, tags)));
}

async function addOne(name: string, project: string, calls: Wanted[], tags: string[]): Promise<Said> {
  await makeOne(name, project);
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
  const taken = await ask(api.POST("/api/v1/datasets/{name}/calls", { params: { path: { name }, query: { project } }, body }));
  return { name, project, words: takenWords(taken) };
}

const SPANS = 1000;

async function addTraces(name: string, project: string, of: TracesProps["of"], tags: string[]): Promise<Said> {
  await makeOne(name, project);
  const body = { ...of, expected: true, limit: SPANS, tags };
  const taken = await ask(api.POST("/api/v1/datasets/{name}/traces", { params: { path: { name }, query: { project } }, body }));
  return { name, project, words: spanWords(taken) };
}

async function makeOne(name: string, project: string) {
  const { items } = await ask(api.GET("/api/v1/datasets", { params: { query: { limit: 500 } } }));
  if (!items.some((each) => each.name === name && each.project === project)) {
    await ask(api.POST("/api/v1/datasets", { params: { query: { project } }, body: { name } }));
  }
}
