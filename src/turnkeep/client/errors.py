"""What only a call over a network can meet. All other errors are those of the library, made again from what the server said."""

from __future__ import annotations

from turnkeep.errors import TurnkeepError


class ServerUnreachable(TurnkeepError):
    """The server gave no answer in time. A write may have been done or not."""

    code = "server-unreachable"


class ServerFailed(TurnkeepError):
    """The server did not answer as a Turnkeep server does."""

    code = "server-failed"


class Unauthorized(TurnkeepError):
    """The server does not know the API key, or it was revoked."""

    code = "unauthorized"


class Forbidden(TurnkeepError):
    """The API key does not allow this."""

    code = "forbidden"


class TooManyStreams(TurnkeepError):
    """The server has as many event streams open as it may; `limit` is how many."""

    code = "too-many-streams"

    def __init__(self, message: str | None = None, limit: float | None = None) -> None:
        self.limit = limit
        super().__init__(message)


class TooManyStreamsOfKey(TooManyStreams):
    """The API key has as many event streams open as it may; `limit` is how many."""

    code = "too-many-streams-of-key"


class RateLimited(TurnkeepError):
    """The server asks for fewer calls; `retry_after` is in seconds, None where it did not say."""

    code = "rate-limited"

    def __init__(self, message: str | None = None, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)
