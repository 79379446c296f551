"""A process for each run: `executor` (in the driver), `server` (forks them), `child` (what they do), `channel` (messages).

The driver starts one server: a small process that imports the library once and runs no solver. For each run the server
forks a child in a process group of its own, which is why a run starts in milliseconds, and why the server can kill
whatever a run leaves behind. When the driver ends, by whatever signal, the server kills all children and ends too.
`isolating` is what other executors of such runs have in common with this one.
"""
