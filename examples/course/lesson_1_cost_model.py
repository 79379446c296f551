# %% [markdown]
# # Lesson 1. What a network costs on an accelerator
#
# A network is a list of layers, and a layer is a nest of loops. An accelerator is an array of multipliers
# behind three levels of memory. The cost of the one on the other is a matter of counting. In this lesson you
#
# 1. count the cost of one layer by hand, and see the cost model give the same figures to the digit;
# 2. draw a roofline, and see which layers wait for memory;
# 3. find out why one dataflow wins on one layer and loses on the next.
#
# Exercises have a cell for your answer and a check below it. The check computes whether the answer is right, and says
# what is wrong if it is not. The reference for everything here is [the cost model](../../docs/cost_model.md).

# %%
import numpy as np

from checks import check
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel
from dance_env.cost.mapping import nest
from dance_env.cost.mapping.mapping import Mapping
from dance_env.graph import Layer, network_space
from dance_env.space import Hardware
from display import COLORS, axes, show

# %% [markdown]
# ## 1. One layer by hand
#
# The layer is a 1x1 convolution from 16 to 32 channels on an image of 8 x 8 pixels. For each output channel `m` and
# each pixel it sums over 16 input channels `c`:
#
#     for m in 32:  for p in 8:  for q in 8:  for c in 16:  O[m,p,q] += W[m,c] * I[c,p,q]
#
# That is 32 x 8 x 8 x 16 = 32,768 multiply-accumulates (MACs). It reads 512 weights and 1,024 inputs, and writes 2,048
# outputs.
#
# The accelerator has 8 x 8 processing elements (PEs). Each does one MAC a cycle and has a register file (RF) of 16
# words. All PEs share a global buffer (GLB) of 55,296 words, and behind it is DRAM, which moves 6.4 words a cycle.
#
# A **mapping** says which part of each loop runs where. This one keeps weights in the register files while the pixels
# pass (*weight stationary*, WS): the columns of the array hold 8 output channels, the rows 8 groups of 2 input channels.

# %%
levels = {"dram": {"M": 4}, "glb": {"P": 8, "Q": 8}, "cols": {"M": 8}, "rows": {"C": 8}, "rf": {"C": 2}}
mapping = Mapping.from_dict({"dataflow": "WS", "stride": 1, "dram_order_innermost_first": "QCMGRSP", "factors": levels})
print(mapping.loop_nest())

# %% [markdown]
# **Words between DRAM and the buffer.** The loop at DRAM runs over output channels, 8 at a time. Weights and outputs
# change with each step; inputs do not, and are read once. So 512 + 1,024 words are read and 2,048 are written: 3,584.
#
# **Words between the buffer and the array.** For each of the 4 steps, the 128 weights go to the PEs once. The inputs
# are read again in every step: 16 words for each of 64 pixels, times 4 is 4,096. (All 8 columns need the same input:
# one read serves them.) Outputs come back finished, because the sum over `c` is done inside the array: 2,048.
#
# **Words at the register files.** Every MAC reads a weight and an input. The two MACs of one output in one PE add up in
# its register file: two updates, and one read, since the first has nothing to add to.

# %%
macs = 32 * 16 * 8 * 8
dram = {"W": 512, "I": 1024, "O": 2048}
glb_reads = {"W": 512, "I": 4 * 64 * 16, "O": 0}
glb_writes = {"W": 512, "I": 1024, "O": 2048}  # fills from DRAM, and finished outputs
rf_reads = {"W": macs, "I": macs, "O": macs // 2}
rf_writes = {"W": 512, "I": macs, "O": macs}

cost = nest.evaluate(mapping, pe_x=8, pe_y=8, rf_words=16, technology=EDGE_LPDDR4)
by_hand = [
    [[dram["W"], 0], [dram["I"], 0], [0, dram["O"]]],
    *([[reads[t], writes[t]] for t in "WIO"] for reads, writes in ((glb_reads, glb_writes), (rf_reads, rf_writes))),
]
assert np.array_equal(cost.words, by_hand)
print("All 18 counts of the model are those by hand.")

# %% [markdown]
# **Cycles.** 64 PEs need 32,768 / 64 = 512 cycles. DRAM needs 3,584 / 6.4 = 560. The slower one decides: **560**. This
# layer waits for DRAM.
#
# **Energy.** Each word has a price at each level. A word of DRAM costs 128 pJ, 30 times a MAC.

# %%
t, rf = EDGE_LPDDR4, EDGE_LPDDR4.register_file(16)
cycles = max(macs / 64, sum(dram.values()) / t.dram_words_per_cycle)
energy_pj = {
    "MAC": macs * t.mac_pj,
    "RF": sum(rf_reads.values()) * rf.read_pj
    + sum(rf_writes.values()) * rf.write_pj
    + 64 * cycles * rf.leak_pj_per_cycle,
    "GLB": sum(glb_reads.values()) * t.glb_read_pj
    + sum(glb_writes.values()) * t.glb_write_pj
    + cycles * t.glb_leak_pj_per_cycle,
    "DRAM": sum(dram.values()) * t.dram_read_pj,
}
assert cycles == cost.cycles
assert np.isclose(sum(energy_pj.values()), cost.energy_pj, rtol=1e-12)
for level, value in energy_pj.items():
    print(f"{level:<5} {value / 1e3:8.1f} nJ  {value / cost.energy_pj:6.1%}")
print(f"all   {cost.energy_pj / 1e3:8.1f} nJ, {cost.cycles:.0f} cycles")

# %% [markdown]
# ### Exercise 1.1
#
# Take the sum over input channels apart: no `C` in the register file, and `C: 2` at DRAM **inside** the loop over `M`.
#
#     dram for m in 4
#     dram   for c in 2
#     glb      for p in 8
#     glb        for q in 8
#
# How many words of **inputs** does DRAM deliver now? (Half of the input channels is in the buffer at a time.)

# %% tags=["exercise-1.1"]
input_words = None  # your answer

# %%
check("1.1", input_words)

# %% [markdown]
# ### Exercise 1.2
#
# Now exchange the two loops at DRAM: `for c in 2` outside, `for m in 4` inside. Inputs are read once again. But the
# outputs of a step are partial sums: they go to DRAM unfinished, and come back for the second half of the input
# channels. How many words move between DRAM and the buffer **in all**, both ways, all three tensors?

# %% tags=["exercise-1.2"]
all_words = None  # your answer

# %%
check("1.2", all_words)

# %% [markdown]
# ### Exercise 1.3
#
# Beat the mapping above. Give the factors of a **WS** mapping of the same layer on the same accelerator whose
# energy-delay product is at most that of the mapping above. The product of a dimension's factors over all levels must be
# its size (`C` 16, `M` 32, `P` 8, `Q` 8); WS allows `M` on the columns and `C` on the rows. Leave out what is 1. The
# check tells how far you are from the best of all mappings; within 1 % of it counts as right.

# %% tags=["exercise-1.3"]
my_levels = None  # your answer, in the form of `levels` above

# %%
check("1.3", my_levels)

# %% [markdown]
# ## 2. The roofline
#
# A layer's **intensity** is its MACs for each word that crosses the DRAM interface. With 6.4 words a cycle, DRAM
# allows `6.4 x intensity` MACs a cycle; the array allows one for each PE. The lower of both is the roof. Below are all
# layers of one network, each with its best mapping, on an array of 16 x 16.

# %%
space, model = network_space("macro-cifar10"), AnalyticalCostModel(EDGE_LPDDR4)
layers = space.graph([1, 1, 2, 1, 1, 2, 1, 1]).layers()
chip = Hardware.one(16, 16, rf_words=16, dataflow="WS")
rows = []
for layer in layers:
    costed = model.breakdown(layer, chip)
    rows.append((layer.kind, layer.macs / costed.words[0].sum(), layer.macs / costed.cycles))

figure, (left,) = axes(width=6.4)
intensity = np.logspace(-1, 3, 200)
left.loglog(intensity, np.minimum(256, EDGE_LPDDR4.dram_words_per_cycle * intensity), color="#16202b")
for color, kind in zip(COLORS, dict.fromkeys(kind for kind, _, _ in rows), strict=False):
    points = np.array([(x, y) for name, x, y in rows if name == kind])
    left.plot(*points.T, "o", color=color, label=kind, alpha=0.8)
left.set(xlabel="MACs for each DRAM word", ylabel="MACs per cycle", title="Roofline, 16 x 16 PEs, RF 16, WS")
left.legend()
show(figure, "1-roofline")

# %% [markdown]
# Points on the slope wait for DRAM. Points below both lines wait for something else: PEs that have nothing to do, or the
# port of the global buffer.
#
# ### Exercise 1.4
#
# How many words a cycle must DRAM move, so that the layer of part 1, with its mapping on 8 x 8 PEs, no longer waits for
# it?

# %% tags=["exercise-1.4"]
words_per_cycle = None  # your answer

# %%
check("1.4", words_per_cycle)

# %% [markdown]
# ## 3. Why a dataflow wins
#
# A dataflow says what stays in the PEs: weights (WS), outputs (OS), or rows of the filter and of the image (RS). Below,
# four layers each with its best mapping under each dataflow, on the same 16 x 16 array.

# %%
examples = {
    "3x3 on RGB": Layer("stem", "conv", k=32, c=3, p=32, q=32, r=3, s=3),
    "depthwise 3x3": Layer("dw", "depthwise", k=192, c=192, p=16, q=16, r=3, s=3, groups=192),
    "1x1": Layer("pw", "pointwise", k=64, c=192, p=16, q=16, r=1, s=1),
    "classifier": Layer("fc", "fc", k=10, c=1280, p=1, q=1, r=1, s=1),
}
breakdowns = {
    (name, flow): model.breakdown(layer, Hardware.one(16, 16, rf_words=16, dataflow=flow))
    for name, layer in examples.items()
    for flow in ("WS", "OS", "RS")
}
print(f"{'layer':<14} flow   cycles   PEs used    MAC     RF    GLB   DRAM  energy nJ")
for (name, flow), part in breakdowns.items():
    busy = examples[name].macs / part.compute_cycles
    shares = [value / part.energy_pj for value in (part.mac_pj, part.rf_pj, part.glb_pj, part.dram_pj)]
    print(
        f"{name:<14} {flow} {part.cycles:10,.0f} {busy:9.0f} ",
        *(f"{s:6.0%}" for s in shares),
        f"{part.energy_pj / 1e3:9.1f}",
    )

# %%
figure, drawn = axes(len(examples), width=10, height=2.9)
for axis, name in zip(drawn, examples, strict=True):
    bottom = np.zeros(3)
    for color, level in zip(COLORS, ("mac", "rf", "glb", "dram"), strict=False):
        values = np.array([getattr(breakdowns[name, flow], f"{level}_pj") / 1e6 for flow in ("WS", "OS", "RS")])
        axis.bar(("WS", "OS", "RS"), values, bottom=bottom, color=color, label=level.upper())
        bottom += values
    axis.set_title(name)
drawn[0].set_ylabel("energy, µJ")
figure.legend(*drawn[0].get_legend_handles_labels(), loc="outside right center")
show(figure, "1-dataflows")

# %% [markdown]
# On three of the four layers all dataflows take the same time: the layer waits for DRAM, whatever stays in the PEs.
# There the dataflow decides the energy alone. The first layer has 3 input channels, too few for the rows of a WS array:
# 48 of 256 PEs work, and it takes three times as long. On the depthwise layer each input channel meets one filter of
# nine weights, and there is no sum over channels to spread over the array; a dataflow wins there by what it reads
# from the buffer.
#
# ### Exercise 1.5
#
# On the **depthwise** layer, which dataflow has the lowest energy-delay product, and which memory level (`"rf"`,
# `"glb"` or `"dram"`) saves the most energy between the dataflow with the **highest** energy and it? Give both, such as
# `("WS", "rf")`. Use `breakdowns`.

# %% tags=["exercise-1.5"]
winner_and_level = None  # your answer

# %%
check("1.5", winner_and_level)

# %% [markdown]
# ## What the model does not say
#
# It counts words and cycles of layers, one after the other. It has no control logic, no on-chip network, no fusion of
# layers, and a multicast costs nothing. It ranks designs within its own rules. How well these rules agree with
# Timeloop's is measured in [the cost model](../../docs/cost_model.md#agreement-with-the-reference); how another tool
# ranks the same accelerators, in [back ends](../../docs/backends.md).
