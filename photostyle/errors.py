"""The errors of this package. Each says what was expected, what was found, where, and what to do next."""

from __future__ import annotations

from typing import ClassVar, Self


class PhotostyleError(Exception):
    """The base of all errors that a user can cause or correct.

    Args:
        expected: what should have been there; empty if `found` is the whole problem, see `stating`.
        found: what was there instead.
        where: the file, option or setting concerned; empty if there is none.
        advice: what to do next; empty if nothing helps.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, expected: str, found: str, where: str = "", advice: str = "") -> None:
        self.expected, self.found, self.where, self.advice = expected, found, where, advice
        super().__init__(str(self))

    @classmethod
    def stating(cls, problem: str, where: str = "", advice: str = "") -> Self:
        """An error that one plain sentence says better than a pair of what was expected and what was found."""
        return cls("", problem, where, advice)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        lines = [f"{place}expected {self.expected}, found {self.found}" if self.expected else f"{place}{self.found}"]
        if self.advice:
            lines.append(self.advice)
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type[PhotostyleError], tuple[str, str, str, str]]:
        return type(self), (self.expected, self.found, self.where, self.advice)


class SettingsError(PhotostyleError):
    """The command or its settings are wrong."""

    exit_code = 2


class InputError(PhotostyleError):
    """An input cannot be used: missing, unreadable, not a photo, too large."""

    exit_code = 3


class WeightsError(PhotostyleError):
    """Weights are missing, or not the ones they should be."""

    exit_code = 4


class OutputError(PhotostyleError):
    """The output cannot be written."""

    exit_code = 6
