"""A network that sees covariates of a case (age, sex, site) beside its image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn


class CovariateNetwork(nn.Module):
    """logits = V c + v + W [f(x); tanh(A c + a)] + b: covariates join the image late.

    c are the encoded covariates (`medmonai.data.CovariateEncoder`), and f(x) the features of the
    network in front of its last linear layer.

    - V c + v is fitted to the training cases before the network learns, and stays as it is: the
      logistic regression of `medmonai.baselines.covariate_weights`. Without it, a network that can
      learn its training images by heart does that first and hardly looks at the covariates: on 160
      cases whose label was in the covariates alone, it reached a test AUC of .52 where the
      regression reached .86, and .80 to .85 with V.
    - W, b is a linear layer on the features and on a hidden layer of the covariates, through which
      the logits may depend on them in a curve or in combination. A begins with zeros: a value that
      no training case has keeps no influence.

    MONAI has no such network; its trainer passes further inputs on
    (`monai.engines.PrepareBatchExtraInput`).

    Args:
        network: maps images (B, C, *spatial) to logits (B, outputs) by a linear layer at its end,
            the last one that is registered; it loses that layer.
        num_covariates: encoded values of a case.
        fitted: (outputs, num_covariates + 1), V and as the last column v; None for zeros, as
            where trained weights are loaded next.
        hidden: outputs of the hidden layer.

    Raises:
        ValueError: a count below 1, a network without a linear layer behind its features, or
            `fitted` of another shape.

    References:
        Late fusion by concatenation: Huang et al., npj Digital Medicine 3:136, 2020,
        doi:10.1038/s41746-020-00341-z.

    Example:
        >>> from medmonai.networks import resnet10
        >>> network = CovariateNetwork(resnet10(width=8), num_covariates=5)
        >>> network(torch.zeros(3, 1, 16, 16), covariates=torch.zeros(3, 5)).shape
        torch.Size([3, 1])
    """

    fixed: torch.Tensor | None
    fitted: torch.Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        num_covariates: int,
        fitted: Sequence[Sequence[float]] | None = None,
        hidden: int = 16,
    ) -> None:
        super().__init__()
        for name, count in (("num_covariates", num_covariates), ("hidden", hidden)):
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise ValueError(f"{name}={count!r}; a whole number from 1 is needed.")
        linear = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Linear)]
        if not linear or not linear[-1][0]:
            raise ValueError(
                f"{type(network).__name__} has no linear layer behind its features that covariates "
                "could join; use a network such as medmonai.networks.resnet18."
            )
        name, last = linear[-1]
        network.set_submodule(name, nn.Identity())
        self.network = network
        self.num_covariates = num_covariates
        self.encoded = nn.Linear(num_covariates, hidden)
        nn.init.zeros_(self.encoded.weight)
        self.classifier = nn.Linear(last.in_features + hidden, last.out_features)
        self.fixed = None
        shape = (last.out_features, num_covariates + 1)
        weights = torch.zeros(shape) if fitted is None else torch.tensor(fitted)
        if weights.shape != shape:
            raise ValueError(
                f"fitted has shape {tuple(weights.shape)}; (outputs, num_covariates + 1), here "
                f"{shape}, is needed."
            )
        self.register_buffer("fitted", weights)

    def forward(self, x: torch.Tensor, covariates: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (B, outputs).

        Args:
            x: images (B, C, *spatial).
            covariates: (B, num_covariates); may be left out only within `fixed_covariates`.

        Raises:
            ValueError: covariates are missing.
        """
        if covariates is None:
            if self.fixed is None:
                raise ValueError(
                    "this network needs covariates beside the image, and none were given; call it "
                    "as network(x, covariates=...)."
                )
            covariates = self.fixed.to(x.device).expand(x.shape[0], self.num_covariates)
        encoded = torch.tanh(self.encoded(covariates))
        logits = self.classifier(torch.cat([self.network(x), encoded], dim=1))
        # A product by elements, which autocast leaves in float32: bf16 would make ties.
        known = (covariates.float()[:, None] * self.fitted[:, :-1]).sum(dim=2)
        return logits.float() + known + self.fitted[:, -1]


@contextmanager
def fixed_covariates(network: nn.Module, covariates: torch.Tensor | None = None) -> Iterator[None]:
    """Let a network be called with images alone: every case has the same covariates meanwhile.

    For what looks at a network through its image only, such as saliency maps. Copies that are made
    meanwhile keep the covariates. A network without covariates is left as it is.

    Args:
        network: a `CovariateNetwork`, or one that contains some.
        covariates: (num_covariates,); default: zeros.

    Example:
        >>> from medmonai.networks import resnet10
        >>> network = CovariateNetwork(resnet10(width=8), num_covariates=5)
        >>> with fixed_covariates(network):
        ...     network(torch.zeros(3, 1, 16, 16)).shape
        torch.Size([3, 1])
    """
    parts = [part for part in network.modules() if isinstance(part, CovariateNetwork)]
    before = [part.fixed for part in parts]
    try:
        for part in parts:
            zeros = torch.zeros(part.num_covariates)
            part.fixed = zeros if covariates is None else covariates
        yield
    finally:
        for part, fixed in zip(parts, before):
            part.fixed = fixed
