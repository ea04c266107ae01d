"""What can go wrong on the way to an answer, each as a sentence with what to do."""

from __future__ import annotations


class Fault(Exception):  # noqa: N818 - it reads as the sentence that people get
    """`what` was found, `do` says what to do about it, `exit` is the exit status."""

    def __init__(self, what: str, do: str, exit: int) -> None:
        super().__init__(what)
        self.what, self.do, self.exit = what, do, exit
