/** Headgate's sign, drawn rather than fetched: it stands with the first picture of a page. The same as public/favicon.svg. */
export function Logo({ size }: { size: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0072b2" />
      <path d="M8 8v16M24 8v16M8 13h16M8 19h6M18 19h6" stroke="#fff" strokeWidth="3" strokeLinecap="round" fill="none" />
    </svg>
  );
}
