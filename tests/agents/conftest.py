from tests.chat.conftest import sessions

__all__ = ["sessions"]
