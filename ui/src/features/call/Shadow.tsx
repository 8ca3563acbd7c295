/** Says of a call that a rollout made it beside another one, to compare the answers. */
export function Shadow() {
  return (
    <span className="hg-badge" title="made by a rollout beside a caller's call, to compare the answers; nobody was shown this one">
      shadow
    </span>
  );
}
