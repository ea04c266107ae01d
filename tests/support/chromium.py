"""A real browser without a window, started anew for each page with an empty profile."""

import shutil
import subprocess
import tempfile
from pathlib import Path

LIMIT_S = 120
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


class ChromiumMissing(Exception):  # noqa: N818  (it reads as the sentence that the developer gets)
    """There is no Chromium on this machine; the message says what to install."""


def screenshot(page: Path, image: Path, width: int, height: int) -> None:
    """Draw the page as a window of this size shows it."""
    _run(page, f"--window-size={width},{height}", f"--screenshot={image}")
    if not image.read_bytes().startswith(b"\x89PNG"):
        raise RuntimeError(f"{image} is no image")


def dom(page: Path, width: int = 1400) -> str:
    """The page as it is after its scripts have run."""
    return _run(page, f"--window-size={width},1000", "--dump-dom")


def _run(page: Path, *options: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise ChromiumMissing("Chromium is not installed. As root on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [program, *QUIET, f"--user-data-dir={profile}", *options, page.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT_S,
        )
    return done.stdout
