// Lays a network out, away from the page's own thread.
import dagre from "../vendor/dagre.js";

const LANE = 14; // a way down beside the layers, for what goes from the data straight to the losses

onmessage = ({ data }) => {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  const quiet = data.edges.filter((edge) => edge.quiet);
  graph.setGraph({ rankdir: "TB", nodesep: 22, ranksep: 26, marginx: quiet.length ? 16 + 2 * LANE : 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { name, width, height } of data.nodes) graph.setNode(name, { width, height });
  data.edges.forEach(({ source, target, quiet: aside }, index) => { if (!aside) graph.setEdge(source, target, {}, String(index)); });
  dagre.layout(graph);
  const place = (name) => graph.node(name);
  /** Out of the data's side, down the lane, and along the row into the loss. */
  const round = ({ source, target }) => {
    const [from, to] = [place(source), place(target)];
    const above = to.y - to.height / 2 - 13;
    return [{ x: from.x - from.width / 2, y: from.y }, { x: LANE, y: from.y }, { x: LANE, y: above }, { x: to.x - to.width / 4, y: above }, { x: to.x - to.width / 4, y: to.y - to.height / 2 }];
  };
  postMessage({
    id: data.id,
    width: graph.graph().width,
    height: graph.graph().height,
    nodes: Object.fromEntries(graph.nodes().map((name) => [name, { x: place(name).x, y: place(name).y }])),
    edges: [
      ...quiet.map((edge) => ({ source: edge.source, target: edge.target, points: round(edge), quiet: true })),
      ...graph.edges().map((edge) => ({ source: edge.v, target: edge.w, points: graph.edge(edge).points, quiet: false })),
    ],
  });
};
