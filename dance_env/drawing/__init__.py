"""Every picture of a design.

- `design`: a design in an environment, as a dashboard or a text card.
- `graph`: a layer graph, one card a block; `graph_cards`: what the cards say, and where they lie.
- `explanation`: where cycles and energy of a design go: roofline, layers, sums.
- `mapping`: a mapping: its loop nest, the PE array, what fills the memories.
- `operators`: the color and short name of each option of a network; `pe_array`: an array of PEs.
- `palette`: all colors; `canvas`: shapes and text in one unit (matplotlib, never imported from here).
"""
