export function TaskRunPage() { return null; }
