"""`photostyle studio`: the local page."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from photostyle.cli.common import Commands, add_output_options
from photostyle.errors import InputError, SettingsError

FOLDER = "photostyle"
"""The folder for results, in the current folder."""
PORT = 7860


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "studio",
        help="look, steer and mend on a local page",
        description="Opens a page on this machine on which you drop photos, see the result, move sliders, mend regions "
        "and save. Only the browser that opens the printed address gets in. Photos stay on this machine. Ctrl-C ends "
        "the studio. It needs `pip install 'photostyle[studio]'`.",
    )
    parser.add_argument("photos", metavar="PHOTO|FOLDER", nargs="*", help="photos to begin with; read where they are")
    parser.add_argument(
        "--folder",
        metavar="FOLDER",
        help="where results go. It is made when the first one is saved (default: photostyle, in the current folder)",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help=f"the port of the server (default: {PORT}, or a free one if it is taken)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser; only print the address")
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="listen on another address than this machine's own, so that other machines can reach the page. They need "
        "the printed address with its token, and the connection is not encrypted (default: 127.0.0.1)",
    )
    add_output_options(parser, "the address as a JSON object")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Runs the studio until it is stopped; returns the exit code.

    Raises:
        PhotostyleError: the extra is missing, an option is wrong, a photo is missing, or the port is taken.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        advice = "Install them: pip install 'photostyle[studio]'"
        raise SettingsError("the packages starlette and uvicorn", f"no {error.name}", "studio", advice) from error
    from photostyle.files import check_folder
    from photostyle.studio.serving import serve

    if arguments.port is not None and not 0 <= arguments.port <= 65535:
        raise SettingsError("a port from 0 to 65535", str(arguments.port), "--port")
    folder = Path(arguments.folder or FOLDER).absolute()
    check_folder(folder)
    for word in arguments.photos:
        if not os.path.lexists(word):
            raise InputError("a photo or a folder", "nothing with that name", word, "Check the name.")
    return serve(
        folder, [Path(word).absolute() for word in arguments.photos],
        host=arguments.host, port=arguments.port, default_port=PORT,
        browser=not arguments.no_browser, as_json=arguments.json, quiet=arguments.quiet,
    )  # fmt: skip
