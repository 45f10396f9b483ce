"""How much the studio takes. Each limit is answered with a message, and nothing is half kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a studio (our choice).

    Args:
        bytes: of one uploaded file.
        all_bytes: of all uploaded files together.
        pixels: of one photo.
        files: photos and looks at a time.
        transfers: solved transfers that are kept; the oldest are forgotten.
        waiting: transfers that may wait to be solved.
        queue: photos in the queue.
        json_bytes: of the body of a request that is not an upload.
        upload_seconds: an upload may pause for so long.
        look_seconds, view_seconds, solve_seconds, save_seconds: for reading a photo, for a picture on the screen, for
            solving, and for a file at full size.
        listeners: pages that listen at a time.
    """

    bytes: int = 512 << 20
    all_bytes: int = 20 << 30
    pixels: int = 150_000_000
    files: int = 1000
    transfers: int = 200
    waiting: int = 100
    queue: int = 1000
    json_bytes: int = 1 << 20
    upload_seconds: float = 30.0
    look_seconds: float = 120.0
    view_seconds: float = 120.0
    solve_seconds: float = 900.0
    save_seconds: float = 900.0
    listeners: int = 20

    def shown(self) -> dict[str, int]:
        """The limits that the page shows."""
        every = asdict(self)
        return {name: every[name] for name in ("bytes", "pixels", "files", "queue")}
