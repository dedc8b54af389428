import { type LayoutEdge, place } from "./layout";

interface Wanted {
  ids: string[];
  edges: LayoutEdge[];
  width: number;
  height: number;
}

self.onmessage = (event: MessageEvent<Wanted>) => {
  const { ids, edges, width, height } = event.data;
  self.postMessage(place(ids, edges, width, height));
};
