"""Promises of a deployment, tried one after the other: what fails is told, and the rest go on.

A program that uses this ends with a last line that counts them, which `tests/deploy/run` adds up.
"""

import sys
import time
import traceback
from email.utils import parsedate_to_datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "faults"))
from daemon import Broken, until  # noqa: E402


class Skipped(Exception):
    """It cannot be tried here; the words say why."""


class Promises:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def __call__(self, name):
        """Decorates a function that keeps the promise or raises; it is called at once."""
        def one(promise):
            start = time.monotonic()
            word = self.tried(promise)
            print(f"  {word}: {name} ({time.monotonic() - start:.1f} s)", flush=True)
        return one

    def tried(self, promise):
        try:
            promise()
        except Skipped as why:
            self.skipped += 1
            return f"SKIPPED ({why})"
        except (Broken, AssertionError) as broken:
            self.failed += 1
            where = traceback.extract_tb(broken.__traceback__)[-1]
            return f"FAILED ({where.filename.rsplit('/', 1)[-1]}:{where.lineno}: {broken})"
        except Exception:
            self.failed += 1
            traceback.print_exc()
            return "FAILED"
        self.passed += 1
        return "ok"

    def finish(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}", flush=True)
        sys.exit(1 if self.failed else 0)


def equal(told, expected, what=""):
    """Says both where they differ."""
    if told != expected:
        raise Broken(f"{what or 'it'} is {told!r}, not {expected!r}")


def holds(condition, what):
    if not condition:
        raise Broken(what)


def by_date(ask):
    """An answer whose date a client may come back with: that of a document which changed within this
    very second may have been the date of other bytes as well."""

    def settled():
        told = ask()[1]
        dates = [parsedate_to_datetime(told[name]) for name in ("last-modified", "date")]
        # A proxy's copy may be a second old, and its date is its own.
        return told if (dates[1] - dates[0]).total_seconds() >= 3 else None

    return until("a document that stands for three seconds", 20, settled)
