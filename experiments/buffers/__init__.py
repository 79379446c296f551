"""When does a larger global buffer pay, and when a wider DRAM: the best design under each memory.

- `plan`: the tasks and the memories.
- `measure`: the best design of a task under each memory, and the best accelerator of one network.
- `page`, `picture`: docs/buffers.md and its figure, from the record alone.
"""
