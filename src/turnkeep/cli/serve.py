"""`turnkeep serve`: the HTTP API in this process."""

from __future__ import annotations

import click

from turnkeep import server
from turnkeep.cli.as_json import print_json
from turnkeep.cli.options import Options, common


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--access-log", is_flag=True, help="A line for each request, to stderr.  [default: the setting access_log]")
@common()
def serve(options: Options, host: str, port: int, access_log: bool) -> None:
    """Serve the HTTP API until Ctrl-C or SIGTERM.

    Makes the database if there is none. The first start makes an admin key and
    shows it, this once.
    """

    def ready(url: str, key: str | None) -> None:
        if options.json:
            print_json({"url": url, "key": key})
            return
        if key is not None:
            click.echo(f"Admin key, shown this once: {key}")
        click.echo(f"Serving on {url}")

    server.serve(options.db, options.served(**({"access_log": True} if access_log else {})), host, port, ready)
