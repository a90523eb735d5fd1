"""Stop an answer that does not come to an end."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

SWALLOWED = 0.02  # seconds until the alarm rings again, should the answer catch everything
HERE = str(Path(__file__).parent)
OURS = (HERE, contextlib.__file__)
CANNOT_STOP = (
    "check cannot stop a loop without an end here (there is no alarm on this system, or in this "
    "thread): if nothing comes for a few seconds, interrupt the kernel"
)
_said: set[str] = set()


class TooSlow(BaseException):
    """Not an Exception, so that an answer's own ``except Exception`` does not swallow it."""


class Budget:
    """The seconds for one whole check: every call of the answer, and the diagnosis."""

    def __init__(self, seconds: float) -> None:
        self._end = time.perf_counter() + seconds

    def left(self) -> float:
        """Return the seconds that are left; raise `TooSlow` if there are none."""
        left = self._end - time.perf_counter()
        if left <= 0:
            raise TooSlow
        return left


def can_stop() -> bool:
    """Whether an alarm can be set: not on Windows, and in no thread but the first."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop what takes longer; where no alarm can be set, say so once and let it run."""
    if not can_stop():
        if CANNOT_STOP not in _said:
            _said.add(CANNOT_STOP)
            print(CANNOT_STOP, flush=True)
        yield
        return
    traced = sys.gettrace()
    before = signal.signal(signal.SIGALRM, _Alarm().ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, SWALLOWED)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.settrace(traced)


class _Alarm:
    """Raises in the answer, and again and again if the answer catches everything.

    A bare ``except:`` catches the first. So a few lines later it is raised once more, at each
    ring one line later than at the one before, until that line is outside of every ``try``: the
    ``while`` itself, for example.
    """

    def __init__(self) -> None:
        self.rings = self.lines = 0

    def ring(self, _: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_filename.startswith(OURS):
            return  # the answer has just come back, and the alarm is about to be switched off
        self.lines = self.rings
        self.rings += 1
        while frame is not None and not frame.f_code.co_filename.startswith(HERE):
            frame.f_trace = self.follow
            frame = frame.f_back
        sys.settrace(lambda *_: None)
        raise TooSlow

    def follow(self, frame: FrameType, event: str, _: object) -> object:
        if event == "line":
            if self.lines == 0:
                raise TooSlow
            self.lines -= 1
        return self.follow
