"""A claim is a sentence with a check; a run says whether it held."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from jaxgen.run.tables import Estimate

__all__ = ["Claim", "Finding", "Outcome", "Verdict"]

Outcome = Literal["held", "not held", "cannot be told here"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        held: Whether the claim held; None where the number does not tell.
        name: What was measured, such as "neighbours of one class".
        number: The number with its interval.
        reference: What it is compared with, such as "by chance 10 %".
        note: What limits the finding, such as "one seed"; may be empty.
    """

    held: bool | None
    name: str
    number: Estimate
    reference: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether the claim of a script held in one run.

    Attributes:
        sentence: The claim.
        outcome: "held", "not held" or "cannot be told here".
        reason: Why it cannot be told here, or what limits the finding.
        finding: What the check found, or None where it was not made.
    """

    sentence: str
    outcome: Outcome
    reason: str = ""
    finding: Finding | None = None

    def __str__(self) -> str:
        """Returns the outcome, the number, the reference and the reason on a line."""
        text = self.outcome.capitalize()
        if self.finding is not None:
            found = self.finding
            text += f": {found.name} {found.number}; {found.reference}"
        return f"{text} ({self.reason})" if self.reason else text

    def as_json(self) -> dict[str, Any]:
        """Returns what `summary.json` keeps."""
        found = self.finding
        own: dict[str, Any] = {
            "sentence": self.sentence,
            "verdict": self.outcome,
            "reason": self.reason,
        }
        if found is not None:
            own |= {"name": found.name, "reference": found.reference}
            own["number"] = found.number.as_json()
        return own


@dataclasses.dataclass(frozen=True)
class Claim:
    """What a script is to show, with the check that decides it.

    Attributes:
        sentence: The claim, a sentence or two.
        applies: `applies(evidence) -> reason`: why the claim cannot be told in a run,
            such as "other latents" or "too few steps"; empty where it can.
        check: `check(evidence) -> Finding`, called where it applies.

    Examples:
        >>> claim = Claim(
        ...     "A coin is fair.",
        ...     applies=lambda heads: "too few throws" if len(heads) < 10 else "",
        ...     check=lambda heads: Finding(
        ...         held=abs(sum(heads) / len(heads) - 0.5) < 0.3,
        ...         name="share of heads",
        ...         number=Estimate(sum(heads) / len(heads)),
        ...         reference="a fair coin has 0.5",
        ...     ),
        ... )
        >>> str(claim.verdict([True, False] * 5))
        'Held: share of heads 0.50; a fair coin has 0.5'
        >>> str(claim.verdict([True]))
        'Cannot be told here (too few throws)'
    """

    sentence: str
    applies: Callable[[Any], str]
    check: Callable[[Any], Finding]

    def verdict(self, evidence: Any) -> Verdict:
        """Decides whether the claim held.

        Args:
            evidence: Whatever the script's `applies` and `check` take.
        """
        reason = self.applies(evidence)
        if reason:
            return Verdict(self.sentence, "cannot be told here", reason)
        found = self.check(evidence)
        outcome: Outcome = "held" if found.held else "not held"
        if found.held is None:
            outcome = "cannot be told here"
        return Verdict(self.sentence, outcome, found.note, found)
