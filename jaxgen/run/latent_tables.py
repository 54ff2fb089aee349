"""Tables of a model with latents: likelihood, use of latents, parts of the KL."""

from collections.abc import Sequence
from typing import Any

from jaxgen.run.tables import Table, mean_estimate

__all__ = ["collapse_table", "kl_table", "likelihood_row", "likelihood_table"]


def likelihood_row(name: str, found: Any) -> list[str]:
    """Returns a row of `likelihood_table`.

    Args:
        name: The model.
        found: A `metrics.SetLikelihood`.
    """
    return [
        name,
        mean_estimate(found.per_image, mean=found.nll).text,
        f"{found.num_samples:,}",
        f"{found.effective_samples:,.0f}",
        f"{found.num_images:,}",
    ]


def likelihood_table(rows: Sequence[Sequence[str]]) -> Table:
    """Returns the table of rows that `likelihood_row` gave."""
    return Table(
        title="Likelihood by importance sampling",
        note="-log p(x) of the test images in nats, with q(z|x) as the proposal, "
        "and 95% intervals over images. In expectation it is an upper bound, the "
        "tighter the more of the samples are effective (ESS, the median over images).",
        columns=["model", "-log p(x)", "samples", "ESS", "images"],
        rows=rows,
    )


def collapse_table(report: Any) -> Table:
    """Returns which latents are used; `report` is a `metrics.CollapseReport`."""
    return Table(
        title="Which latents are used",
        note=report.advice,
        columns=["latent", "verdict", "KL, nats", "variance of its mean"],
        words=2,
        rows=[
            [
                str(row["latent"] + 1),
                row["verdict"],
                f"{row['kl']:.3f}",
                f"{row['activity']:.3f}",
            ]
            for row in report.rows
        ],
    )


def kl_table(parts: Any, num_images: int) -> Table:
    """Returns the mean KL to N(0, I) in three parts.

    Args:
        parts: What `metrics.kl_decomposition` returned.
        num_images: Test images it was given.
    """
    named = {
        "mutual information of image and latents": parts.mutual_information,
        "total correlation of the aggregate posterior": parts.total_correlation,
        "dimension-wise KL of the aggregate posterior": parts.dimension_wise_kl,
    }
    return Table(
        title="Where the KL goes",
        note=f"Mean KL to N(0, I) over {num_images:,} test images, in three parts "
        "(Chen et al., 2018). The mutual information cannot exceed the logarithm of "
        "their number.",
        columns=["part", "nats"],
        rows=[[name, f"{value:.3f}"] for name, value in named.items()],
    )
