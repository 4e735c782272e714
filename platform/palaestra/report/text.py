"""Numbers in words: for the report's pages and for tables in terminals."""

from __future__ import annotations

import math
import re

from palaestra.statistics import Interval, Ratio, ToThreshold

UNKNOWN = "unknown"


def steps(count: float) -> str:
    """3 digits and a unit: 950, 12.3 k, 1.5 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= 0.9995 * size:
            return _three_digits(count / size) + unit
    return f"{count:.0f}"


def _three_digits(value: float) -> str:
    decimals = max(2 - math.floor(math.log10(max(value, 1.0))), 0)
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(length: float) -> str:
    """A duration: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if length < 10:
        return f"{length:.1f} s"
    whole = round(length)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def percent(share: float | None) -> str:
    """A share in percent; tiny ones keep a digit."""
    if share is None:
        return UNKNOWN
    value = 100 * share
    return f"{value:.1f} %" if 0 < value < 9.95 or 99 < value < 100 else f"{value:.0f} %"


def percents(interval: Interval | None, seeds: int) -> str:
    """A share with its interval."""
    if interval is None:
        return "not measured"
    if seeds < 2:
        return percent(interval.value)
    return f"{percent(interval.value)} [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


def points(interval: Interval | None, seeds: int) -> str:
    """A score in percent with its interval, e.g. 15.6 [14.2, 17.0]."""
    if interval is None:
        return "not measured"
    return f"{interval.value:.1f}" + (f" [{interval.low:.1f}, {interval.high:.1f}]" if seeds > 1 else "")


def count(number: int | None) -> str:
    """With thousands apart."""
    return UNKNOWN if number is None else f"{number:,}".replace(",", " ")


def price(dollars: float | None) -> str:
    """US dollars; unknown is said, never taken for nothing."""
    return UNKNOWN if dollars is None else f"${dollars:,.2f}" if dollars >= 0.01 or dollars == 0 else f"${dollars:.5f}"


def tokens(inside: int | None, outside: int | None) -> str:
    """Tokens of prompts and of replies."""
    return f"{UNKNOWN} tokens" if inside is None and outside is None else f"{count(inside)} + {count(outside)} tokens"


def cost(dollars: float | None, known: float, unpriced: int) -> str:
    """What calls cost together: `dollars`, or what is known of it and for how many replies nothing is."""
    if dollars is not None or not known:
        return price(dollars)
    return f"{price(known)}, and {UNKNOWN} for {count(unpriced)} repl{'ies' if unpriced > 1 else 'y'}"


def to_threshold(result: ToThreshold | None, finished: bool = True) -> str:
    """Median steps with the interval over seeds, or how far it was searched in vain."""
    if result is None:
        return "not measured"
    if not result.known:
        within = f" in {steps(result.searched)}" if result.searched else ""
        return f"not {'' if finished else 'yet '}reached{within}"
    if result.seeds < 2:
        return steps(result.median.value)
    high = result.median.high
    end = steps(high) if math.isfinite(high) else f"not reached in {steps(result.searched)}"
    return f"{steps(result.median.value)} [{steps(result.median.low)}, {end}]"


def ratio(found: Ratio | None, seeds: int = 2) -> str:
    """How many times fewer steps, with the interval; "> 12" where it is a bound."""
    if found is None:
        return "none"
    sign = "" if found.relation == "=" else f"{found.relation} "
    text = f"{sign}{times(found.interval.value)}"
    if found.relation == "=" and seeds > 1:
        text += f" [{times(found.interval.low)}, {times(found.interval.high)}]"
    return text


def times(value: float) -> str:
    """A factor, to about two digits."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def unbroken(sentence: str) -> str:
    """The same, but lines are not broken between a number and its unit, nor within a number."""
    return re.sub(r"(?<=\d) (?=[kMG%×]|\d{3}\b|s\b|min\b|h\b)", "\N{NO-BREAK SPACE}", sentence)


def names(words: list[str]) -> str:
    """An enumeration: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
