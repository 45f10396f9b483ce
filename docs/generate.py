"""Writes the pages of docs/ that are made from the code: settings.md and api.md.

    python docs/generate.py

tests/test_generated_docs.py fails while a page is not what this makes.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import photostyle
from photostyle.presets import load_preset, preset_names
from photostyle.settings import Section, Settings, describe

MADE = "<!-- Made by `python docs/generate.py`: change the code and run it again. -->"
CONSTRUCTED = ("Photo", "RegionMap", "Session")
"""Classes that a user makes; those that calls return are described without their constructor."""
SECTION = re.compile(r"^(Args|Returns|Raises|Yields):$")
ENTRY = re.compile(r"^((?:\*{0,2}\w+(?:, )?)+): (.*)$", re.S)


def settings_page() -> str:
    """docs/settings.md: every setting with its default and meaning, and what each preset changes."""
    lines = [
        "# Settings",
        "",
        MADE,
        "",
        "Every setting has a dotted name. Change one with `--set NAME=VALUE`, in a TOML file (`--config FILE`), or",
        "from Python with `Settings.preset(NAME, **changes)`. The defaults are those of the preset `default`.",
        "",
    ]
    defaults = Settings()
    for title, rows in _sections():
        lines += [
            f"## `{title}`" if title else "## General",
            "",
            "| setting | default | meaning |",
            "| --- | --- | --- |",
        ]
        lines += [f"| `{name}` | `{default}` | {_cell(meaning)} |" for name, default, meaning in rows]
        lines.append("")
    lines += ["## Presets", "", "What each preset changes. `photostyle presets NAME` prints one in full.", ""]
    for preset in preset_names():
        changed = [
            f"| `{name}` | `{_shown(value)}` |"
            for name, value in _flat(load_preset(preset))
            if name != "preset" and value != dict(_flat(defaults))[name]
        ]
        lines += [f"### `{preset}`", ""]
        lines += ["| setting | value |", "| --- | --- |", *changed, ""] if changed else ["The defaults.", ""]
    return "\n".join(lines)


def api_page() -> str:
    """docs/api.md: every public name with its signature and its documentation."""
    lines = [
        "# Python API",
        "",
        MADE,
        "",
        "These names are public: `import photostyle` and use them as `photostyle.NAME`. Everything else may change.",
        "",
    ]
    for name in sorted(photostyle.__all__, key=lambda name: (not callable(getattr(photostyle, name)), name.lower())):
        value = getattr(photostyle, name)
        if inspect.isclass(value):
            lines += [f"## `{name}`", "", *_class(name, value)]
        elif callable(value):
            lines += [f"## `{name}`", "", *_function(name, value)]
    return "\n".join(lines).rstrip() + "\n"


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page, "api.md": api_page}


def _sections() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    rows = describe()
    for title in dict.fromkeys(name.rpartition(".")[0] for name, _, _ in rows):
        yield title, [row for row in rows if row[0].rpartition(".")[0] == title]


def _flat(settings: Settings) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Section):
            found += [(f"{name}.{inner}", getattr(value, inner)) for inner in type(value).model_fields]
        else:
            found.append((name, value))
    return found


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _class(name: str, value: type) -> list[str]:
    lines = _function(name, value) if name in CONSTRUCTED else _documentation(value)
    if issubclass(value, Section):
        lines += ["Its fields are listed in [settings.md](settings.md).", ""]
    for member, attribute in vars(value).items():
        if member.startswith(("_", "model_")):
            continue
        if isinstance(attribute, property):
            lines += [f"### `{name}.{member}`", "", *_documentation(attribute)]
        elif inspect.isroutine(getattr(value, member)):
            lines += [f"### `{name}.{member}`", "", *_function(f"{name}.{member}", getattr(value, member))]
    return lines


def _function(name: str, value: Callable[..., object]) -> list[str]:
    signature = inspect.signature(value)
    own = [parameter for parameter in signature.parameters.values() if parameter.name not in ("self", "cls")]
    result = "" if inspect.isclass(value) else f" -> {_type(signature.return_annotation)}"
    text = f"{name}({', '.join(_parameters(own))}){result}"
    if len(text) > 100:
        inner = ",\n".join(f"    {parameter}" for parameter in _parameters(own))
        text = f"{name}(\n{inner},\n){result}"
    return ["```python", text, "```", "", *_documentation(value)]


def _parameters(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """The parameters as they are written, with the bare star where keywords begin."""
    starred = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            yield "*"
            starred = True
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        starred = starred or stars == "*"
        text = f"{stars}{parameter.name}: {_type(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            default = repr(parameter.default)
            text += f" = {default if len(default) <= 20 else '...'}"
        yield text


def _type(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _documentation(value: object) -> list[str]:
    """A docstring of Google's form as Markdown: paragraphs, and lists of arguments and errors."""
    lines: list[str] = []
    section = ""
    for block in _blocks(inspect.getdoc(value) or ""):
        head, _, body = block.partition("\n")
        if SECTION.match(head):
            section = head.rstrip(":")
            lines += [f"**{section}**", ""]
            lines += [_entry(entry) for entry in _entries(textwrap.dedent(body))]
            lines.append("")
        else:
            lines += [block, ""]
    return lines


def _blocks(text: str) -> list[str]:
    return [block for block in re.split(r"\n\s*\n", text) if block.strip()]


def _entries(body: str) -> list[str]:
    """The entries of a section: a line that is not indented begins one."""
    entries: list[str] = []
    for line in body.splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line.strip())
    return entries


def _entry(text: str) -> str:
    named = ENTRY.match(text)
    return f"- `{named[1]}`: {named[2]}" if named else f"- {text}"


def main() -> None:
    """Writes the pages."""
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
