"""Agents outside this library: any program in any language, over JSON lines or the Model Context Protocol.

card: the task in JSON values; session: what an agent may ask, and what is refused; schema: the messages as a JSON schema
(`protocol.schema.json`). process: the agent's process; transcript: what was said; solver: the solver `cmd`. mcp_server: the
same questions as tools (extra `mcp`).
"""
