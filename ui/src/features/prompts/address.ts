/** Where a prompt is: its name holds slashes, and several sources may have one of that name. */
export function addressOf(prompt: { name: string; project: string; source: string | null }): {
  path: string;
  filter: Record<string, string>;
} {
  return {
    path: `/prompts/${encodeURIComponent(prompt.name)}`,
    filter: { of: prompt.project, ...(prompt.source ? { source: prompt.source } : {}) },
  };
}
