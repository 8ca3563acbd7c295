// By what costs can be grouped; each is a filter of requests, too.

export const DIMENSIONS = {
  model: "Model",
  target: "Target",
  project: "Project",
  key: "Key",
  user: "User",
  tag: "Tag",
  prompt: "Prompt",
  release: "Release",
} as const;

export type Dimension = keyof typeof DIMENSIONS;
