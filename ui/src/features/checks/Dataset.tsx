import { Text } from "@/core/Text";
import { To } from "@/shell/To";
import { pathOf } from "../datasets/datasetWords";
import { useDatasets } from "../datasets/useDatasets";

/** The dataset of a run: a link where it is kept here, else the file that it was. */
export function Dataset({ name, project }: { name: string; project: string }) {
  const [plain = name, version] = name.split("@");
  const known = useDatasets().data?.items.some((each) => each.name === plain && each.project === project);
  return known ? (
    <To path={pathOf(plain)} filter={{ of: project, ...(version ? { version } : {}) }}>
      <Text>{name}</Text>
    </To>
  ) : (
    <Text>{name}</Text>
  );
}
