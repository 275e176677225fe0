"""`turnkeep serve`: the HTTP API in this process."""

from __future__ import annotations

import click

from turnkeep import server
from turnkeep.cli.options import Options, common
from turnkeep.cli.printing import print_json


@click.command()
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@common()
def serve(options: Options, host: str, port: int) -> None:
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

    server.serve(options.db, options.served(), host, port, ready)
