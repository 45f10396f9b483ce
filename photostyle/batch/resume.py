"""What remains to be done: compares the plan with the manifest, the photos and the results."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from photostyle.batch import storage
from photostyle.batch.job import StyleSource
from photostyle.batch.manifest import Record
from photostyle.batch.output_folder import existing_results, leftover_parts, move_into_place
from photostyle.batch.plan import Item
from photostyle.errors import OutputError
from photostyle.regions.mask_files import NAMES_FILE
from photostyle.settings import Settings

NEW, MISSING, ALTERED, CHANGED, RETRIED, FORCED = "new", "missing", "altered", "changed", "retried", "forced"
"""Why a photo is done: it has no record; its result is gone; its result was altered after it was written, and is
replaced; the photo, its mask, the look or the settings have changed; it failed before; `--force` does all."""
RESULT_EXISTS = "ResultExists"
"""Error of a record: a file of another program had the name of the result. The photo counts as new."""


class Digests:
    """Digests of settings, styles and masks: hexadecimal, equal for equal contents."""

    def __init__(self, settings: Settings) -> None:
        tree = settings.to_dict()
        del tree["device"]  # another machine may continue
        self.settings = hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()
        self._known: dict[object, str] = {}

    def of_styles(self, styles: Sequence[StyleSource]) -> str:
        """Digest of the contents, weights, regions and masks of styles, in their order."""
        key = tuple(styles)
        if key not in self._known:
            parts = [(storage.sha256(s.path), s.weight, s.region, self.of_mask(s.mask)) for s in styles]
            self._known[key] = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return self._known[key]

    def of_look(self, item: Item) -> str:
        """Digest of an item's styles and, if its set shares one look, of the photos and masks of the set."""
        styles = self.of_styles(item.styles)
        if not item.photo_set:
            return styles
        key = (styles, item.photo_set)
        if key not in self._known:
            parts = [(digest_of(path), self.of_mask(mask)) for path, mask in item.photo_set]
            self._known[key] = hashlib.sha256(json.dumps([styles, parts]).encode()).hexdigest()
        return self._known[key]

    def of_mask(self, mask: str | None) -> str | None:
        """Digest of a mask and of the file of class names beside it."""
        if mask is None:
            return None
        if mask not in self._known:
            names = Path(mask).with_name(NAMES_FILE)
            beside = names.read_bytes() if names.is_file() else b""
            self._known[mask] = hashlib.sha256(Path(mask).read_bytes() + beside).hexdigest()
        return self._known[mask]


@dataclass(frozen=True)
class RemainingWork:
    """The work that remains.

    Args:
        todo: the items to do, each with the reason.
        done: how many are done already.
        failed: records of photos that failed before and are not tried again.
        unnamed: results that a killed batch finished but did not rename: where each is, and where it belongs. They
            count as done.
        replaceable: names of results whose files exist and may be replaced, or of all with `overwrite`.
    """

    todo: tuple[tuple[Item, str], ...]
    done: int
    failed: tuple[Record, ...]
    unnamed: tuple[tuple[str, str], ...] = ()
    replaceable: frozenset[str] = frozenset()

    def reasons(self) -> dict[str, int]:
        """How many items there are for each reason."""
        why = [reason for _, reason in self.todo]
        return {reason: why.count(reason) for reason in dict.fromkeys(why)}


def remaining_work(
    items: Sequence[Item],
    records: Mapping[str, Record],
    digests: Digests,
    output: str,
    *,
    force: bool = False,
    retry_failed: bool = False,
    overwrite: bool = False,
) -> RemainingWork:
    """Compares by content, not by the times of files. Changes nothing on the disk.

    Args:
        items: the items of the plan.
        records: the records of the manifest.
        digests: digests of the settings, styles and masks as they are now.
        output: the output folder.
        force: whether to do all items.
        retry_failed: whether to do items that failed before.
        overwrite: whether results may replace files that photostyle has not written.

    Raises:
        OutputError: there are such files and `overwrite` is not set, or the output folder cannot be read.
    """
    known = {name for name, record in records.items() if record.error != RESULT_EXISTS}
    existing = existing_results(output, [item.output for item in items])
    foreign = [name for name in existing if name not in known]
    if foreign and not overwrite:
        advice = "Add --overwrite to replace them, or choose another output folder."
        files, were = ("file", "was") if len(foreign) == 1 else ("files", "were")
        found = f"{len(foreign)} {files} that {were} not written by photostyle"
        raise OutputError("no other files with the names of results", found, storage.join(output, foreign[0]), advice)
    judge = partial(_state, records=records, digests=digests, output=output)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        states = list(pool.map(judge, items))
    todo: list[tuple[Item, str]] = []
    failed: list[Record] = []
    unnamed: list[tuple[str, str]] = []
    for item, (state, part) in zip(items, states, strict=True):
        if part and not force:
            unnamed.append((part, storage.join(output, item.output)))
        if force:
            todo.append((item, FORCED))
        elif state == "failed" and not retry_failed:
            failed.append(records[item.output])
        elif state != "done":
            todo.append((item, RETRIED if state == "failed" else state))
    done = len(items) - len(todo) - len(failed)
    replaceable = frozenset(item.output for item in items) if overwrite else frozenset(existing)
    return RemainingWork(tuple(todo), done, tuple(failed), tuple(unnamed), replaceable)


def rename_finished_results(work: RemainingWork) -> None:
    """Renames the results that a killed batch finished. The caller must hold the manifest's lock.

    Raises:
        OutputError: one cannot be renamed.
    """
    for part, path in work.unnamed:
        move_into_place(part, path, overwrite=True)


def _state(item: Item, records: Mapping[str, Record], digests: Digests, output: str) -> tuple[str, str | None]:
    """Why an item is to be done, or "failed" or "done"; and where the finished result is if it was not renamed."""
    record = records.get(item.output)
    if record is None or record.error == RESULT_EXISTS:
        return NEW, None
    made_from = (record.settings, record.styles, record.mask, record.content_sha256)
    now = (digests.settings, digests.of_look(item), digests.of_mask(item.content_mask), digest_of(item.content))
    if made_from != now:
        return CHANGED, None
    if record.status == "failed":
        return "failed", None
    path = storage.join(output, item.output)
    found = digest_of(path)
    if found == record.sha256:
        return "done", None
    for part in leftover_parts(output, item.output):
        if digest_of(part) == record.sha256:
            return "done", part
    return (ALTERED if found is not None or os.path.lexists(path) else MISSING), None


def digest_of(path: str) -> str | None:
    """The sha256 of a file; None if it cannot be read."""
    try:
        return storage.sha256(path)
    except OSError:
        return None
