import { IconShadow } from "@tabler/icons-react";

const SAID = "made by a rollout beside a caller's call, to compare the answers; nobody was shown this one";

/** Says of a call that a rollout made it beside another one, to compare the answers; short, it leaves room for a name. */
export function Shadow({ isShort = false }: { isShort?: boolean }) {
  return isShort ? (
    <span className="hg-sign" title={`shadow: ${SAID}`}>
      <IconShadow size={14} stroke={1.6} aria-hidden="true" />
      <span className="hg-visually-hidden">shadow</span>
    </span>
  ) : (
    <span className="hg-badge" title={SAID}>
      shadow
    </span>
  );
}
