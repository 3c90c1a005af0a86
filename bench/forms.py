"""What each form of a batch is worth: JSON, TLS, binary and deflate, as fast as each is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.background import BenchError, last_line, running
from bench.figures import Quantity, Round, Section, ratio
from bench.house import House

TLS_SHARE = 0.6
_STORED_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Form:
    """One way for a batch to travel, and how the load generator is told."""

    name: str
    arguments: tuple[str, ...] = ()
    tls: bool = False


BASE = Form("json")
OTHERS = (
    Form("tls", tls=True),
    Form("binary", ("--features", "binary")),
    Form("deflate", ("--features", "deflate")),
)

FORMS = Section(
    "forms",
    "Forms of a batch, unpaced, one after another",
    (
        *(Quantity(f"{form.name}.per_s", f"{form.name}: acknowledged", "ticks/s")
          for form in (BASE, *OTHERS)),
        *(Quantity(f"{form.name}.share", f"{form.name} / json", "x",
                   at_least=TLS_SHARE if form.tls else None) for form in OTHERS),
        *(Quantity(f"{form.name}.bytes", f"{form.name}: on the wire", "B/tick")
          for form in (BASE, *OTHERS)),
        *(Quantity(f"{form.name}.cpu_us", f"{form.name}: gateway", "us/tick")
          for form in (BASE, *OTHERS)),
    ),
)  # fmt: skip


def measure(house: House, seconds: float, say: Callable[[str], None]) -> Round:
    """Each form for a part of the time. What is stored is waited for, so that none pays for
    another's backlog."""
    each_s = max(2.0, seconds / 4)
    found: Round = {}
    for form in (BASE, *OTHERS):
        say(f"forms: {form.name}")
        found |= {f"{form.name}.{key}": value for key, value in _one(house, form, each_s).items()}
    for form in OTHERS:
        found[f"{form.name}.share"] = ratio(found[f"{form.name}.per_s"], found["json.per_s"])
    return found


def _one(house: House, form: Form, seconds: float) -> Round:
    stored, used = house.stored(), house.usage()["gateway"].cpu_s
    with running(house.load(0, seconds, *form.arguments, tls=form.tls)) as load:
        total = last_line(load)
    if not total["settled"] or total["acked"] != total["sent"] or total["rejected"]:
        raise BenchError(f"Not everything was acknowledged over {form.name}: {total}.")
    used = house.usage()["gateway"].cpu_s - used
    house.wait_until_stored(stored + total["acked"], _STORED_WITHIN_S)
    return {
        "per_s": total["acked_per_s"],
        "bytes": total["bytes"] / total["acked"],
        "cpu_us": used / total["acked"] * 1e6,
    }
