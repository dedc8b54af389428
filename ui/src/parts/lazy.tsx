/** Large parts that are loaded when somebody looks at them. */
import { lazy, Suspense } from "react";
import { Skeleton } from "./basics";
import type { DagProps } from "./dag";

const LoadedDag = lazy(() => import("./dag").then((found) => ({ default: found.Dag })));
const LoadedMarkdown = lazy(() => import("./markdown").then((found) => ({ default: found.Markdown })));

export function Dag(props: DagProps) {
  return (
    <Suspense fallback={<Skeleton rows={5} />}>
      <LoadedDag {...props} />
    </Suspense>
  );
}

export function Markdown({ text }: { text: string }) {
  return (
    <Suspense fallback={<Skeleton rows={3} />}>
      <LoadedMarkdown text={text} />
    </Suspense>
  );
}
