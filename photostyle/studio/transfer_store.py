"""The transfers of a studio: asked for, solved in a worker, and kept. The same request is the same transfer."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from photostyle.errors import SettingsError
from photostyle.studio.answers import LimitError, MissingError, as_error, in_json
from photostyle.studio.limits import Limits
from photostyle.studio.photo_file import PhotoFile, StyleFile
from photostyle.studio.workers import JobStoppedError, Waiting, Worker


@dataclass(frozen=True)
class Request:
    """What a transfer is asked for with. Equal requests give the same transfer.

    Args:
        content: the photo.
        styles: one or more.
        preset: the name of a preset.
        matches: `(region of the content, region of the style)`, which the user has chosen.
    """

    content: PhotoFile
    styles: tuple[StyleFile, ...]
    preset: str
    matches: tuple[tuple[str, str], ...] = ()

    def uses(self, photo: str) -> bool:
        """Whether a photo, by its id, is part of it."""
        return photo in (self.content.id, *(style.photo.id for style in self.styles))

    def replaces(self, other: Request) -> bool:
        """Whether it is the same but for the preset."""
        return (self.content, self.styles, self.matches) == (other.content, other.styles, other.matches)


@dataclass
class Transfer:
    """A transfer and how far it is. `found` is what `work.solving.Solver.solve` returned."""

    id: str
    request: Request
    path: Path
    status: str = "waiting"
    stage: str = "waiting"
    done: float | None = None
    error: dict[str, str] | None = None
    found: dict[str, Any] = field(default_factory=dict)
    replaces: str | None = None
    job: Waiting | None = None

    def shown(self) -> dict[str, Any]:
        """What the page knows of it."""
        request = self.request
        return {
            "id": self.id,
            "content": request.content.id,
            "styles": [{"photo": s.photo.id, "weight": s.weight, "region": s.region} for s in request.styles],
            "preset": request.preset,
            "matches": dict(request.matches),
            "status": self.status,
            "stage": self.stage,
            "done": self.done,
            "error": self.error,
            "match_line": self.found.get("match_line", ""),
            "regions": self.found.get("regions", []),
            "choices": self.found.get("choices", {"content": [], "styles": []}),
            "warnings": self.found.get("warnings", []),
            "seconds": self.found.get("seconds"),
            "replaces": self.replaces,
            "masked": bool(self.found.get("masks")),
        }


class TransferStore:
    """All transfers, by ids that the store makes.

    Args:
        folder: the studio's private folder for them.
        limits: how many are kept.
        worker_for: the worker that solves with a preset.
        tell: hears of every change.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        worker_for: Callable[[str], Worker],
        tell: Callable[[str, dict[str, Any]], None],
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._limits, self._worker_for, self._tell = folder, limits, worker_for, tell
        self._transfers: dict[str, Transfer] = {}
        self._running: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Transfer]:
        return iter(list(self._transfers.values()))

    def get(self, id: str) -> Transfer:
        """The transfer of an id; it then counts as used.

        Raises:
            MissingError: there is none.
        """
        if id not in self._transfers:
            raise MissingError.stating("this result is not here, or no longer", advice="Choose the style again.")
        self._transfers[id] = self._transfers.pop(id)
        return self._transfers[id]

    def solved(self, id: str) -> Transfer:
        """The transfer of an id, which has been solved.

        Raises:
            MissingError: there is none.
            SettingsError: it has not been solved.
        """
        transfer = self.get(id)
        if transfer.status != "done":
            raise SettingsError("a result that is ready", f"one that is {transfer.status}", "the transfer")
        return transfer

    def ask(self, request: Request) -> tuple[Transfer, bool]:
        """The transfer of a request, and whether it is new. One that was stopped or failed is tried again.

        Raises:
            LimitError: too many are waiting.
        """
        for transfer in self._transfers.values():
            if transfer.request == request and transfer.status not in ("stopped", "failed"):
                return self.get(transfer.id), False
        waiting = sum(transfer.status in ("waiting", "working") for transfer in self._transfers.values())
        if waiting >= self._limits.waiting:
            advice = "Wait, or stop some of them."
            raise LimitError(f"at most {self._limits.waiting} results to wait for", "one more", "the studio", advice)
        for old in [t for t in self if t.request == request]:
            self.remove(old.id)
        id = secrets.token_hex(8)
        before = [t.id for t in self if t.request.replaces(request)]
        transfer = Transfer(id, request, self._folder / f"{id}.solved", replaces=before[-1] if before else None)
        self._transfers[id] = transfer
        self._forget_oldest()
        task = asyncio.create_task(self._solve(transfer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return transfer, True

    def stop(self, id: str) -> Transfer:
        """Stops a transfer that waits or is at work."""
        transfer = self.get(id)
        if transfer.job is not None:
            self._worker_for(transfer.request.preset).stop(transfer.job)
        return transfer

    def remove(self, id: str) -> None:
        """Forgets a transfer, and stops it first."""
        transfer = self.stop(id)
        del self._transfers[id]
        _remove_files(transfer)
        self._tell("removed", {"what": "transfer", "id": id})

    def remove_using(self, photo: str) -> None:
        """Forgets all transfers that a photo, by its id, is part of."""
        for transfer in self:
            if transfer.request.uses(photo):
                self.remove(transfer.id)

    def _forget_oldest(self) -> None:
        solved = [t for t in self._transfers.values() if t.status not in ("waiting", "working")]
        for transfer in solved[: max(0, len(self._transfers) - self._limits.transfers)]:
            self.remove(transfer.id)

    async def _solve(self, transfer: Transfer) -> None:
        request = transfer.request

        def hear(stage: str, done: float | None) -> None:
            transfer.status, transfer.stage, transfer.done = "working", stage, done
            self._tell("transfer", transfer.shown())

        transfer.job = self._worker_for(request.preset).submit(
            "solve", priority=priority_of(request.preset), seconds=self._limits.solve_seconds, tell=hear,
            content=request.content, styles=request.styles, preset=request.preset, matches=request.matches,
            target=transfer.path,
        )  # fmt: skip
        try:
            transfer.found = await transfer.job.result
            transfer.status, transfer.stage, transfer.done = "done", "done", 1.0
        except JobStoppedError:
            transfer.status, transfer.stage, transfer.done = "stopped", "stopped", None
        except Exception as error:
            transfer.status, transfer.stage, transfer.done = "failed", "failed", None
            transfer.error = in_json(as_error(error))
        transfer.job = None
        if transfer.id in self._transfers:
            self._tell("transfer", transfer.shown())
        else:
            _remove_files(transfer)


def _remove_files(transfer: Transfer) -> None:
    transfer.path.unlink(missing_ok=True)
    shutil.rmtree(transfer.path.with_suffix(".masks"), ignore_errors=True)


def priority_of(preset: str) -> int:
    """How urgent a transfer is: first the ones that answer at once."""
    return 1 if preset in ("preview", "fast") else 5


def styles_of(given: object, photos: Callable[[str], PhotoFile]) -> tuple[StyleFile, ...]:
    """The styles of a request.

    Args:
        given: what the request says: a list of `{"photo", "weight"?, "region"?}`.
        photos: the file of a photo, by its id.

    Raises:
        SettingsError: it is something else.
        MissingError: there is no such photo.
    """
    form = 'a list such as [{"photo": ID, "weight": 1, "region": null}]'
    if not isinstance(given, Sequence) or isinstance(given, str) or not 1 <= len(given) <= 8:
        raise SettingsError(form, repr(given)[:60], "styles")
    styles = []
    for entry in given:
        if not isinstance(entry, dict) or not isinstance(entry.get("photo"), str):
            raise SettingsError(form, repr(entry)[:60], "styles")
        weight, region = entry.get("weight", 1.0), entry.get("region")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1000:
            raise SettingsError("a weight above 0, up to 1000", repr(weight)[:40], "styles")
        if region is not None and not (isinstance(region, str) and 0 < len(region) <= 100):
            raise SettingsError("the name of a region, or null", repr(region)[:40], "styles")
        styles.append(StyleFile(photos(entry["photo"]), float(weight), region))
    return tuple(styles)
