"""A network's graph as a picture: where everything goes (layout), as SVG, and as Graphviz's text."""
