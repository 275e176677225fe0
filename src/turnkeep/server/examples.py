"""An example of each shape, for the OpenAPI document; the tests hold them against the shapes."""

from __future__ import annotations

import json
from typing import Any

from msgspec import to_builtins

from turnkeep import errors
from turnkeep.errors import TurnkeepError
from turnkeep.server import answers, bodies, problems
from turnkeep.server.problems import Problem
from turnkeep.session import Cleaned, Erased, SessionStats, Stats

ID = "ses_Wm3qTqOaR2yDq0yXbV9k1A"
MADE, ACTIVE, EXPIRES = "2026-03-01T09:00:00Z", "2026-03-01T09:05:00Z", "2026-03-02T09:05:00Z"

SESSION: dict[str, Any] = {
    "id": ID,
    "app": "default",
    "interface_type": "web",
    "conversation_id": "c1",
    "external_user_id": "ann",
    "external_chat_id": None,
    "status": "active",
    "token_limit": 8000,
    "tokenizer": "o200k",
    "lifetime_ms": 86_400_000,
    "created_at": MADE,
    "last_active": ACTIVE,
    "expires_at": EXPIRES,
    "closed_at": None,
    "version": 3,
    "generation": 0,
    "messages": 2,
    "prompt_seq": 0,
    "window_start": 1,
    "cleared_seq": 0,
    "retracted": [],
    "tokens": 17,
    "tokens_out": 8,
    "window_messages": 2,
    "window_tokens": 17,
    "summary_tokens": 0,
    "pins": 0,
    "pin_tokens": 0,
    "fixed_tokens": 3,
    "tool_calls": 0,
    "errors": 0,
    "usage_in": 0,
    "usage_out": 0,
    "usage_cache_read": 0,
    "correction": 100,
    "predecessor": None,
    "carry_over": "none",
    "metadata": {"plan": "pro"},
}
MESSAGE: dict[str, Any] = {
    "seq": 1,
    "role": "user",
    "content": "What is the weather?",
    "tool_calls": None,
    "tool_call_id": None,
    "name": None,
    "tokens": 9,
    "counter": "o200k",
    "external_id": "web:1",
    "author_id": None,
    "metadata": {"lang": "en"},
    "created_at": ACTIVE,
    "erased": False,
}
SUMMARY: dict[str, Any] = {
    "from_seq": 1,
    "to_seq": 40,
    "text": "User: we fly to Porto on 3 May.",
    "method": "extractive",
    "tokens": 120,
    "counter": "o200k",
    "tokens_before": 1900,
    "duration_ms": 4.2,
    "source": "1",
    "live": True,
    "created_at": ACTIVE,
}
PIN: dict[str, Any] = {
    "number": 4,
    "seq": 7,
    "role": "user",
    "text": "I am allergic to nuts.",
    "tokens": 21,
    "counter": "o200k",
    "author_id": None,
    "source": None,
    "created_at": ACTIVE,
}
EVENT: dict[str, Any] = {
    "number": 7,
    "kind": "usage",
    "name": "model",
    "created_at": ACTIVE,
    "duration_ms": 812.0,
    "outcome": None,
    "tool_call_id": None,
    "tokens_in": 812,
    "tokens_out": 64,
    "cache_read_tokens": 512,
    "counted_tokens": 790,
    "data": None,
}
PROMPT: dict[str, Any] = {
    "session_id": ID,
    "version": 3,
    "messages": [{"role": "user", "content": "What is the weather?"}],
    "tokens": 12,
    "parts": {"system": 0, "pins": 0, "state": 0, "tools": 0, "summaries": 0, "gap": 0, "messages": 9, "frame": 3},
    "head": 0,
    "stable": 0,
    "fixed_tokens": 3,
    "correction": 100,
    "left_out": [],
}
SAID = {"role": "user", "content": "What is the weather?", "external_id": "web:1"}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {}}}]

EVENT_STREAM = (
    "retry: 3000\n\n"
    f"id: 5f0c1d3a-2-1-0-0\nevent: session\ndata: {json.dumps(SESSION)}\n\n"
    f"id: 5f0c1d3a-2-2-0-0\nevent: message\ndata: {json.dumps(MESSAGE)}\n\n"
    ": keep-alive\n\n"
)

_REFUSALS: list[TurnkeepError] = [
    errors.InvalidInput("limit", "must be at most 1000", size=5000, limit=1000),
    errors.BudgetTooSmall("token_budget", "the fixed parts of the prompt need more", size=412, limit=100),
    problems.NotJson(),
    problems.Unauthorized(),
    problems.Forbidden(),
    errors.UnknownSession(ID),
    errors.UnknownPin(),
    errors.Conflict("external_id", "another message is stored under it"),
    errors.SessionClosed(ID, "inactive"),
    errors.PreconditionFailed("version", "the session is not, or no longer, at the version that was expected"),
    errors.IdempotencyKeyReused("idempotency_key", "was used before, for another write"),
    problems.ContentTooLarge(8_388_608),
    problems.UnsupportedMediaType(),
    problems.TooManyRequests("The API key asks too often.", 3, '"key";q=100;w=1', "key"),
    problems.TooManyStreamsOfKey(4),
    problems.TooManyStreams(100),
    problems.NotReady(),
    errors.StoreBusy(),
    errors.StoreFull(),
    errors.OutcomeUnknown(),
]
_ALL = [
    *map(problems.problem, _REFUSALS),
    problems.of_status(408, 30),
    problems.of_status(431, 65_536),
    problems.of_status(500),
]
PROBLEMS = {status: [one for one in _ALL if one.status == status] for status in sorted({one.status for one in _ALL})}

EXAMPLES: dict[type, Any] = {
    answers.Session: SESSION,
    answers.Sessions: {"sessions": [SESSION], "next_before": None},
    answers.Message: MESSAGE,
    answers.Messages: {"messages": [MESSAGE], "next_after": None},
    answers.Appended: {"messages": [MESSAGE]},
    answers.Prompt: PROMPT,
    answers.StateValue: {"state": {"city": "Porto"}},
    answers.Summaries: {"summaries": [SUMMARY]},
    answers.Pin: PIN,
    answers.Pins: {"pins": [PIN]},
    answers.Recalled: {
        "messages": [{"seq": 7, "role": "user", "name": None, "text": "We fly on 3 May.", "shortened": False}],
        "tokens": 28,
        "next_seq": 8,
        "parts": 1,
        "text": "7 user: We fly on 3 May.\n[There is more: from_seq=8]",
    },
    answers.Made: {"summary": SUMMARY},
    answers.Event: EVENT,
    answers.Events: {"events": [EVENT], "next_after": None},
    answers.Health: {"status": "ok"},
    answers.Key: {"app": "default", "scope": "write", "external_user_id": None},
    answers.Checked: {"problems": []},
    answers.Sizes: {"sizes": {"sessions": 12, "messages": 480, "turnkeep.db": 262_144}},
    Erased: {"sessions": 2, "messages": 14, "states": 1},
    Cleaned: {"expired": 2, "deleted": 1, "dry_run": False},
    Stats: {
        "total_sessions": 1,
        "active_sessions": 1,
        "total_messages": 2,
        "total_tokens": 17,
        "average_session_length": 2.0,
        "tool_calls": 0,
        "errors": 0,
        "usage_in": 812,
        "usage_out": 64,
        "usage_cache_read": 512,
        "models": [
            {
                "model": "claude-sonnet-4-5",
                "tokenizer": "claude",
                "calls": 40,
                "counted_tokens": 80_000,
                "reported_tokens": 91_200,
                "ratio": 1.14,
                "correction": 115,
            }
        ],
        "summarizer": {
            "source": "openai:gpt-5-mini",
            "answers": True,
            "calls": 21,
            "written": 18,
            "refused": 2,
            "failed": {"rate-limit": 1},
            "stood_in": 1,
            "rewritten": 1,
            "rests": 1,
            "tokens_in": 41_200,
            "tokens_out": 5_300,
        },
        "cache_size": 1,
        "cache_hit_rate": 0.9,
        "redis_up": True,
        "pool": {"used": 2, "idle": 3, "pending": 0, "max": 10},
        "by_interface": {"web": {"sessions": 1, "active": 1, "messages": 2, "tokens": 17}},
    },
    SessionStats: {
        "session_id": ID,
        "status": "active",
        "messages": 2,
        "tool_calls": 0,
        "errors": 0,
        "tokens": 17,
        "tokens_in": 9,
        "tokens_out": 8,
        "usage_in": 0,
        "usage_out": 0,
        "usage_cache_read": 0,
        "summaries": 0,
        "window_messages": 2,
        "window_tokens": 17,
        "token_limit": 8000,
        "created_at": MADE,
        "last_active": ACTIVE,
        "duration": 300.0,
    },
    Problem: to_builtins(PROBLEMS[404][0]),
    bodies.OneMessage: {**SAID, "expected_seq": 0},
    bodies.Erase: {"external_user_id": "ann", "interface_type": "web"},
    bodies.NewMessages: {"messages": [SAID, {"role": "assistant", "content": "Sunny."}]},
    bodies.Build: {"system": "Be brief.", "tools": TOOLS, "max_messages": 20},
    bodies.Retract: {"from_seq": 2},
    bodies.PinMessage: {"seq": 1},
    bodies.PinText: {"text": "I am allergic to nuts.", "author_id": "ann"},
    bodies.Clear: {"keep_summaries": True},
    bodies.ToolCall: {"name": "look", "duration_ms": 12.5, "outcome": "ok"},
    bodies.Failure: {"name": "Timeout", "message": "no answer"},
    bodies.Usage: {"tokens_in": 812, "tokens_out": 64, "cache_read_tokens": 512, "counted_tokens": 790, "model": "model"},
    bodies.Create: {"action": "create", "interface_type": "web", "conversation_id": "c1", "token_limit": 8000},
    bodies.AddMessage: {"action": "addMessage", "id": ID, **SAID},
    bodies.ClearMessages: {"action": "clearMessages", "id": ID},
    bodies.UpdateState: {"action": "updateState", "id": ID, "state": {"city": "Porto"}},
    bodies.Deactivate: {"action": "deactivate", "id": ID},
    bodies.Cleanup: {"action": "cleanup", "dry_run": True},
    bodies.BuildContext: {"action": "buildContext", "id": ID, "maxMessages": 20},
    dict: {"city": "Porto", "old": None},
}
