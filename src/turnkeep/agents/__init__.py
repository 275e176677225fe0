"""What answers in a conversation: any pydantic-ai agent, any async callable, or the built-in offline assistant."""

from turnkeep.agents.base import Agent, Listener, Progress, Text, ToolEnded, ToolStarted, Turn
from turnkeep.agents.functions import FunctionAgent
from turnkeep.agents.load import as_agent, load_agent
from turnkeep.agents.offline import OfflineAgent
from turnkeep.agents.recall import RECALL, recall_tool, recalls
from turnkeep.agents.tools import Tool, tool

__all__ = [
    "RECALL",
    "Agent",
    "FunctionAgent",
    "Listener",
    "OfflineAgent",
    "Progress",
    "Text",
    "Tool",
    "ToolEnded",
    "ToolStarted",
    "Turn",
    "as_agent",
    "load_agent",
    "recall_tool",
    "recalls",
    "tool",
]
