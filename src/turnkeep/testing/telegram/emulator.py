"""The Bot API over HTTP on loopback, as far as a bot on a real library needs it.

Invariants: what Telegram refuses is refused here, with its words; a bot that is killed finds its unconfirmed updates again.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from turnkeep.testing.telegram.chats import Chat, Json, Server, Shown, User, units

TOKEN = "123456:TEST-token-of-the-emulator-abcdefgh"
MAX_UNITS, MAX_CAPTION = 4096, 1024
MAX_POLL_SECONDS = 50


class Refused(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class TelegramEmulator:
    """`async with TelegramEmulator() as telegram:`, then point the bot at `telegram.url` with `telegram.token`."""

    def __init__(self, *, username: str = "turnkeep_bot", token: str = TOKEN, port: int = 0) -> None:
        self.token, self.port = token, port
        self.server = Server(username)
        self.calls: Counter[str] = Counter()  # by method
        self.commands: dict[str, list[Json]] = {}  # the menu, by language
        self.alerts: dict[str, str] = {}  # what the bot answered to a button, by the query's id
        self.flood: Counter[str] = Counter()  # how many calls of a method are answered by 429 next
        self.retry_after = 1  # seconds, in these answers
        self.broken: Counter[str] = Counter()  # how many calls of a method end in 502 next
        self.delay = 0.0  # seconds before each answer
        self.refuses_entities = False  # texts are taken without formatting only

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=60_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{file}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- people

    def user(self, first_name: str, *, language: str = "en") -> User:
        return User(self.server.number(), first_name, language=language)

    def private(self, user: User) -> Chat:
        """The user's chat with the bot."""
        return self.server.chats.setdefault(user.id, Chat(self.server, user.id, "private", "", user))

    def group(self, title: str) -> Chat:
        chat = Chat(self.server, -self.server.number(), "supergroup", title)
        self.server.chats[chat.id] = chat
        return chat

    # --- the API

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls[method] += 1
        try:
            if request.match_info["token"] != self.token:
                raise Refused(401, "Unauthorized")
            if self.delay:
                await asyncio.sleep(self.delay)
            if _taken(self.flood, method):
                raise Refused(429, f"Too Many Requests: retry after {self.retry_after}", retry_after=self.retry_after)
            if _taken(self.broken, method):
                raise Refused(502, "Bad Gateway")
            handler = getattr(self, f"_{_snake(method)}", None)
            if handler is None:
                raise Refused(404, "Not Found: method not found")
            try:
                given = await _parameters(request)
            except ConnectionResetError:  # the bot thought better of it
                return web.Response(status=499)
            result = await handler(given)
            self.server.called.set()
            return _answer({"ok": True, "result": result})
        except Refused as error:
            told: Json = {"ok": False, "error_code": error.code, "description": error.description}
            if error.parameters:
                told["parameters"] = error.parameters
            return _answer(told, error.code)

    async def _file(self, request: web.Request) -> web.Response:
        found = self.server.files.get(request.match_info["file"])
        if found is None or request.match_info["token"] != self.token:
            return _answer({"ok": False, "error_code": 404, "description": "Not Found"}, 404)
        return web.Response(body=found[1])

    async def _get_me(self, given: Json) -> Json:
        return {
            **self.server.me.told(),
            "can_join_groups": True,
            "can_read_all_group_messages": True,
            "supports_inline_queries": False,
        }

    async def _get_updates(self, given: Json) -> list[Json]:
        server, offset = self.server, int(given.get("offset") or 0)
        server.updates = [update for update in server.updates if update["update_id"] >= offset]
        if not server.updates:
            server.news.clear()
            try:
                async with asyncio.timeout(min(MAX_POLL_SECONDS, float(given.get("timeout") or 0))):
                    await server.news.wait()
            except TimeoutError:
                return []
        wanted = given.get("allowed_updates") or []
        found = [one for one in server.updates if not wanted or set(one) & set(wanted)]
        return found[: int(given.get("limit") or 100)]

    async def _delete_webhook(self, given: Json) -> bool:
        return True  # there is none

    async def _send_message(self, given: Json) -> Json:
        chat = self._chat(given)
        fields = {
            "text": _checked(given.get("text"), MAX_UNITS, "message text"),
            **self._formatting(given),
            **self._around(chat, given),
        }
        return chat.add(self.server.me, fields).raw

    async def _send_document(self, given: Json) -> Json:
        chat, (name, data) = self._chat(given), given["document"]
        document = {**self.server.keep(data, name), "file_name": name}
        caption = given.get("caption") or ""
        if units(caption) > MAX_CAPTION:
            raise Refused(400, "Bad Request: message caption is too long")
        return chat.add(self.server.me, {"document": document, "caption": caption, **self._around(chat, given)}).raw

    async def _edit_message_text(self, given: Json) -> Json:
        shown = self._own(given, "edit")
        text = _checked(given.get("text"), MAX_UNITS, "message text")
        changed = {"text": text, **self._formatting(given), **_markup(given)}
        kept = {key: value for key, value in shown.raw.items() if key not in ("text", "entities", "reply_markup")}
        if {**kept, **changed} == shown.raw:
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a"
                " current content and reply markup of the message",
            )
        shown.raw, shown.edits = {**kept, **changed}, shown.edits + 1
        return shown.raw

    async def _delete_message(self, given: Json) -> bool:
        self._own(given, "delete").deleted = True
        return True

    async def _send_chat_action(self, given: Json) -> bool:
        self._chat(given).actions.append(given["action"])
        return True

    async def _set_my_commands(self, given: Json) -> bool:
        self.commands[given.get("language_code") or ""] = given["commands"]
        return True

    async def _answer_callback_query(self, given: Json) -> bool:
        self.alerts[given["callback_query_id"]] = given.get("text") or ""
        return True

    async def _get_file(self, given: Json) -> Json:
        file_id = given["file_id"]
        if file_id not in self.server.files:
            raise Refused(400, "Bad Request: invalid file_id")
        return {"file_id": file_id, "file_unique_id": file_id, "file_path": file_id}

    # --- what the calls share

    def _chat(self, given: Json) -> Chat:
        chat = self.server.chats.get(int(given.get("chat_id") or 0))
        if chat is None:
            raise Refused(400, "Bad Request: chat not found")
        if chat.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return chat

    def _own(self, given: Json, what: str) -> Shown:
        shown = self._chat(given).find(int(given["message_id"]))
        if shown is None:
            raise Refused(400, f"Bad Request: message to {what} not found")
        if not shown.sender.is_bot:
            raise Refused(400, f"Bad Request: message can't be {what}ed")
        return shown

    def _formatting(self, given: Json) -> Json:
        found = _entities(given)
        if found and self.refuses_entities:
            raise Refused(400, "Bad Request: can't parse entities")
        return found

    def _around(self, chat: Chat, given: Json) -> Json:
        """Topic, reply and buttons of a new message."""
        found = _markup(given)
        if given.get("message_thread_id"):
            found |= {"message_thread_id": int(given["message_thread_id"]), "is_topic_message": True}
        reply = given.get("reply_parameters")
        if reply:
            replied = chat.find(int(reply["message_id"]))
            if replied is not None:
                found["reply_to_message"] = {key: value for key, value in replied.raw.items() if key != "reply_to_message"}
            elif not reply.get("allow_sending_without_reply"):
                raise Refused(400, "Bad Request: message to be replied not found")
        return found


def _taken(counter: Counter[str], method: str) -> bool:
    if counter[method] <= 0:
        return False
    counter[method] -= 1
    return True


def _snake(method: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method)


async def _parameters(request: web.Request) -> Json:
    """Of the query, a form or JSON; values that are JSON decoded, files as (name, bytes)."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        found |= await request.json()
    elif request.can_read_body:
        for name, value in (await request.post()).items():
            found[name] = (value.filename, value.file.read()) if isinstance(value, web.FileField) else value
    decoded = {name: _decoded(value) for name, value in found.items()}
    return {name: found.get(value[9:], value) if _is_attached(value) else value for name, value in decoded.items()}


def _is_attached(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("attach://")


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _checked(text: Any, limit: int, what: str) -> str:
    told = str(text or "")
    if not told.strip():
        raise Refused(400, f"Bad Request: {what} is empty")
    if units(told) > limit:
        raise Refused(400, "Bad Request: message is too long" if what == "message text" else f"Bad Request: {what} is too long")
    return told


def _entities(given: Json) -> Json:
    """Entities, which must lie inside the text and cut no character in two."""
    entities = given.get("entities") or []
    text = str(given.get("text") or "").encode("utf-16-le")
    for entity in entities:
        start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
        if entity["length"] <= 0 or end > len(text):
            raise Refused(400, "Bad Request: entity beyond the end of the message")
        text[start:end].decode("utf-16-le")
    return {"entities": entities} if entities else {}


def _markup(given: Json) -> Json:
    return {"reply_markup": given["reply_markup"]} if given.get("reply_markup") else {}


def _answer(told: Json, status: int = 200) -> web.Response:
    return web.json_response(told, status=status)
