"""docs/HTTP_API.md has a curl line for each call that exists."""

import re
from pathlib import Path

from tests.docs.pages import blocks

from turnkeep.server import bodies
from turnkeep.server.openapi import OPERATIONS

PAGE = Path(__file__).parents[2] / "docs" / "HTTP_API.md"


def _shown() -> set[tuple[str, str]]:
    found = set()
    for block in blocks(PAGE):
        if block.info == "sh served":
            for line in block.code.replace("\\\n", " ").splitlines():
                if url := re.search(r'"\$URL([^"?]*)', line):
                    method = re.search(r"-X (\w+)", line)
                    given = "POST" if " -d " in line else "GET"
                    found.add((method[1] if method else given, url[1].replace("$ID", "{session_id:str}")))
    return found


def test_every_call_is_shown_and_no_other() -> None:
    assert _shown() == {(str(method), path) for one in OPERATIONS for method in one.http_methods for path in one.paths}


def test_every_action_is_in_the_table() -> None:
    actions = {kind.__struct_config__.tag for kind in bodies.Action.__subclasses__()}
    assert set(re.findall(r"^\| `(\w+)` \| .*\| 20[01]", PAGE.read_text("utf-8"), re.MULTILINE)) == actions
