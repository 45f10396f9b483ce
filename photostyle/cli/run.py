"""`photostyle run`: gives one photo the look of another."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from photostyle.cli.common import INTERRUPTED, Commands, add_output_options
from photostyle.cli.options import add_photos, add_settings, files_of, run_transfer, settings_of
from photostyle.cli.output import add_file_options, beside, print_outcome, written_format
from photostyle.cli.streams import check_standard_output
from photostyle.cli.styles import STREAM
from photostyle.errors import SettingsError

if TYPE_CHECKING:
    from photostyle.pipeline.result import Result


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "run",
        help="give a photo the look of another",
        description="Gives the content photo the look of the style photo. You can stop it early with Ctrl-C: it then "
        "writes the best result so far and ends with exit code 130.",
    )
    add_photos(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUTPUT",
        help="the file for the result. Its ending sets the format, such as .jpg. - means standard output, in the "
        "format of the content photo (default: for city.jpg, city.out.jpg in the same folder; if the content is "
        "standard input, standard output)",
    )
    add_settings(parser)
    parser.add_argument(
        "--save-look",
        metavar="NAME.photostyle",
        help="also save the look, which is the styles and the settings, as a file. Later runs accept it as --style",
    )
    add_file_options(parser)
    parser.add_argument(
        "--report",
        metavar="FOLDER",
        help="also write a report into this folder: a web page, the settings, the loss and the regions",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output or report")
    add_output_options(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Runs one transfer; returns the exit code.

    Raises:
        PhotostyleError: the command, a setting, an input, the weights or the output is wrong.
    """
    from photostyle.files import make_folder
    from photostyle.photo.photo import Photo, check_writable
    from photostyle.styles.look_file import check_look_target

    began = time.perf_counter()
    settings, files = settings_of(arguments), files_of(arguments)
    inputs = files.read(arguments.config)
    if arguments.json and files.output == STREAM:
        raise SettingsError.stating("--json needs a file as --output, because standard output carries the JSON")
    if files.output == STREAM:
        check_standard_output("the photo")
    if files.output is not None:
        check_writable(files.output, arguments.overwrite, inputs, settings.output.format, new_folder=True)
    if arguments.save_look is not None:
        check_look_target(arguments.save_look, arguments.overwrite, inputs, new_folder=True)
    content = Photo.read(files.content)
    format = written_format(content, files.output, settings)
    output = files.output or str(beside(content, format))
    check_writable(output, arguments.overwrite, inputs, format, new_folder=True)
    if arguments.report:
        from photostyle.export.report import check_report_folder

        check_report_folder(arguments.report, arguments.overwrite, [*inputs, output])
    style, result = run_transfer(content, files, settings, quiet=arguments.quiet)
    lost = [f"content: {loss}" for loss in result.photo.losses(format, settings.output.metadata)]
    result = replace(result, warnings=(*result.warnings, *lost))
    if output != STREAM:
        make_folder(Path(output).absolute().parent)
    result.photo.save(output, overwrite=arguments.overwrite, **settings.output.model_dump() | {"format": format})
    if arguments.save_look is not None:
        make_folder(Path(arguments.save_look).absolute().parent)
        style.save(arguments.save_look, overwrite=arguments.overwrite)
    if arguments.report:
        from photostyle.export.report import write_report

        written = None if output == STREAM else Path(output)
        command = ["photostyle", *arguments.words]
        styles = [{"weight": each.weight, "region": each.region} for each in files.styles]
        write_report(
            arguments.report, result, content, style,
            inputs=files.inputs(), styles=styles, output=written, command=command, overwrite=arguments.overwrite,
        )  # fmt: skip
    _print_result(result, output, time.perf_counter() - began, arguments)
    return INTERRUPTED if result.interrupted else 0


def _print_result(result: Result, output: str, seconds: float, arguments: argparse.Namespace) -> None:
    from photostyle.regions.in_words import match_line

    messages = []
    if arguments.verbose:
        messages += [
            f"{stage.name}: {stage.iterations} iterations, {stage.evaluations} evaluations, {stage.seconds:.1f} s, "
            f"loss {stage.loss:.4g}; {stage.status.value}. {stage.status.advice}"
            for stage in result.stages
        ]
        messages.append(", ".join(f"{part} {spent:.1f} s" for part, spent in result.seconds.items()))
    if not arguments.quiet:
        messages.append(match_line(result.correspondence))
    name = "standard output" if output == STREAM else output
    if result.interrupted:
        messages.append(f"interrupted: {name} has the best result so far")
    elif not arguments.quiet:
        messages.append(f"wrote {name} in {seconds:.1f} s")
    printed = None
    if arguments.json:
        from photostyle.export.report import summary
        from photostyle.files import sha256

        written = {
            "output": str(Path(output).absolute()),
            "sha256": sha256(output),
            "width": result.photo.width,
            "height": result.photo.height,
        }
        printed = {**written, **summary(result)}
    print_outcome(result.warnings, messages, printed)
