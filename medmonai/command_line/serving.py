"""The command that puts a model behind a port."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    model: Annotated[
        Path,
        typer.Argument(
            help="the --output of `fit`, a run folder, a bundle with weights, or an exported file"
        ),
    ],
    *,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port; 0 for a free one")] = 8080,
    token: Annotated[
        str,
        typer.Option(
            envvar="MEDMONAI_TOKEN",
            help="that requests have to give; needed where other machines reach the address",
        ),
    ] = "",
    request_mb: Annotated[float, typer.Option(help="megabytes of one request")] = 256,
    seconds: Annotated[float, typer.Option(help="that one request may take")] = 60,
) -> None:
    """Serve MODEL over HTTP: a page for one image at /, and POST /predict for programs.

    Images are not kept. Needs `pip install medmonai[serve]`. Research software: not for clinical
    use.
    """
    try:
        from medmonai.serving import Limits
        from medmonai.serving import serve as served
    except ImportError as error:
        raise ImportError(
            f"{error.name} is not installed; `medmonai serve` needs: pip install medmonai[serve]"
        ) from None
    limits = Limits(request_mb=request_mb, seconds=seconds)
    served(model, host=host, port=port, token=token, limits=limits)
