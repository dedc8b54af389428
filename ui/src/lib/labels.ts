/** Which agents take which runs. */

/** An agent takes runs all of whose labels it has; one with labels takes no run without. */
export function fits(agentLabels: string[], runLabels: string[]): boolean {
  if (runLabels.length === 0) return agentLabels.length === 0;
  return runLabels.every((label) => agentLabels.includes(label));
}
