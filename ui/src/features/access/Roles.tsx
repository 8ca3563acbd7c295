import { Answered } from "@/core/States";
import { useSession } from "@/shell/session";
import { AccessPages } from "./AccessPages";
import { nounsOf } from "./grants";
import { useRoles } from "./useKeys";

/** What each role may do, noun by noun, as the server checks it. */
export default function Roles() {
  const roles = useRoles();
  const own = useSession().key.role;
  return (
    <AccessPages>
      <Answered of={roles} what="roles">
        {({ items }) => (
          <table className="hg-small-table hg-grants" aria-label="who may what">
            <thead>
              <tr>
                <th scope="col">What</th>
                {items.map((each) => (
                  <th scope="col" key={each.role}>
                    {each.role.replace("_", " ")}
                    {each.role === own && <span className="hg-soft"> · you</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              <tr>
                <th scope="row">sees</th>
                {items.map((each) => (
                  <td key={each.role}>{each.sees}</td>
                ))}
              </tr>
              <tr>
                <th scope="row">makes keys of the roles</th>
                {items.map((each) => (
                  <td key={each.role}>{each.gives.map((role) => role.replace("_", " ")).join(", ") || <None />}</td>
                ))}
              </tr>
              {nounsOf(items.map((each) => each.grants)).map(({ noun, cells }) => (
                <tr key={noun}>
                  <th scope="row">{noun}</th>
                  {cells.map((verbs, place) => (
                    <td key={items[place]?.role}>{verbs.join(", ") || <None />}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Answered>
    </AccessPages>
  );
}

function None() {
  return (
    <span className="hg-soft">
      <span aria-hidden="true">–</span>
      <span className="hg-visually-hidden">nothing</span>
    </span>
  );
}
