"""The command that makes a model a node of a DICOM network."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Annotated

import typer

_AS_IN_TRAINING = "of the series to answer; may be repeated; default: as in training"

Trained = Annotated[
    Path, typer.Argument(help="the --output of `fit`, a run folder, or a bundle with weights")
]
SendTo = Annotated[
    list[str],
    typer.Option(help="HOST:PORT:AET, or the address of a DICOMweb service; may be repeated"),
]
Aet = Annotated[str, typer.Option(help="AE title of the node")]
Host = Annotated[str, typer.Option(help="address to listen on")]
Port = Annotated[int, typer.Option(help="port; 0 for a free one")]
AllowAet = Annotated[
    list[str] | None,
    typer.Option(help="AE title that may send; may be repeated; default: any"),
]
Folder = Annotated[Path, typer.Option(help="folder of the queue")]
Modality = Annotated[list[str] | None, typer.Option(help=_AS_IN_TRAINING)]
BodyPart = Annotated[list[str] | None, typer.Option(help=_AS_IN_TRAINING)]
QuietSeconds = Annotated[
    float, typer.Option(help="seconds without a new instance after which a series is complete")
]
ReleaseSeconds = Annotated[
    float,
    typer.Option(
        help="seconds after the release of its associations after which a series is complete"
    ),
]
QueueGb = Annotated[float, typer.Option(help="gigabytes that may wait on the disk")]
TlsCertificate = Annotated[
    Path | None, typer.Option(help="PEM: listen with TLS; also shown to destinations")
]
TlsKey = Annotated[Path | None, typer.Option(help="PEM: key of the certificate")]
TlsCa = Annotated[Path | None, typer.Option(help="PEM: who vouches for senders and destinations")]
SendTls = Annotated[bool, typer.Option("--send-tls", help="send by C-STORE with TLS")]
Authorization = Annotated[
    str,
    typer.Option(
        envvar="MEDMONAI_STOW_AUTHORIZATION",
        help='header for DICOMweb services, such as "Bearer TOKEN"',
    ),
]


def dicom_node(
    model: Trained,
    *,
    send_to: SendTo,
    aet: Aet = "MEDMONAI",
    host: Host = "127.0.0.1",
    port: Port = 11112,
    allow_aet: AllowAet = None,
    folder: Folder = Path("dicom-node"),
    modality: Modality = None,
    body_part: BodyPart = None,
    quiet_seconds: QuietSeconds = 60,
    release_seconds: ReleaseSeconds = 5,
    queue_gb: QueueGb = 50,
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    tls_ca: TlsCa = None,
    send_tls: SendTls = False,
    authorization: Authorization = "",
) -> None:
    """Answer DICOM series with MODEL: receive by C-STORE, send a report and saliency pictures.

    The queue is on the disk and survives a crash; a series is removed when its answer is
    delivered. Needs the extra `dicom-node`. Research software: not for clinical use.
    """
    _require_packages()
    from medmonai.serving.dicom_node import Listening, Security, destination
    from medmonai.serving.dicom_node import dicom_node as run_node
    from medmonai.serving.node_queue import Arrivals, NodeLimits

    security = Security(tls_certificate, key=tls_key, authority=tls_ca, authorization=authorization)
    encrypted = send_tls or any(one.startswith("https://") for one in send_to)
    if tls_ca is not None and tls_certificate is None and not encrypted:
        raise ValueError(
            f"--tls-ca {tls_ca} checks nobody: no connection is encrypted; give --tls-certificate "
            "and --tls-key for senders, or --send-tls for destinations."
        )
    tls = security.listening()
    _log_only_our_own()
    run_node(
        model,
        listening=Listening(aet, host=host, port=port, allowed=tuple(allow_aet or ()), tls=tls),
        destinations=[
            destination(one, calling_aet=aet, encrypted=send_tls, security=security)
            for one in send_to
        ],
        folder=folder,
        modalities=modality or (),
        body_parts=body_part or (),
        arrivals=Arrivals(quiet_seconds=quiet_seconds, release_seconds=release_seconds),
        limits=NodeLimits(queue_gb=queue_gb),
    )


def _log_only_our_own() -> None:
    """Show the log of the node; logs and warnings of the libraries would quote headers."""
    warnings.simplefilter("ignore")
    for library in ("pydicom", "pynetdicom", "highdicom", "dicomweb_client", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    shown = logging.StreamHandler()
    shown.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    node = logging.getLogger("medmonai.dicom_node")
    node.setLevel(logging.INFO)
    node.addHandler(shown)


def _require_packages() -> None:
    try:
        import dicomweb_client  # noqa: F401
        import highdicom  # noqa: F401
        import pynetdicom  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{error.name} is not installed; `medmonai dicom-node` needs: "
            "pip install medmonai[dicom-node]"
        ) from None
