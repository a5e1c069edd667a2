"""Start JupyterLab on the course, in a way that is calm, private and the same for everyone.

Calm: no news pop-up, no update check, no "Select Kernel" dialog; nothing is asked of the network.
Private: it listens on 127.0.0.1 only and keeps its token, whatever the machine's own Jupyter settings say.
The same for everyone: settings, kernels and start-up files in the user's home are neither read nor written.
What JupyterLab remembers goes to the folder `.lab` beside the notebooks; delete it to start afresh.

The page's settings are files in `recsys_lab/jupyter`, found through JUPYTER_CONFIG_PATH, as described in
JupyterLab's documentation under "Advanced Usage", "default_setting_overrides.json".
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from recsys_lab.errors import LabError

FIRST_NOTEBOOK = "notebooks/00-start-here.ipynb"
FIRST_PORT = 8888

PACKAGE = Path(__file__).resolve().parent

# Settings of other Jupyter installations on this machine that must not reach the lab.
FOREIGN_SETTINGS = (
    "JUPYTER_PATH", "JUPYTER_NO_CONFIG", "JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE", "JUPYTER_PORT", "MPLBACKEND",
)  # fmt: skip


def find_root(root: Path | None = None) -> Path:
    """The folder that holds `notebooks/00-start-here.ipynb`.

    root: where to look; without it, the checkout that this package belongs to, then the current folder.
    Raises LabError when the course is not there, as when only the wheel was installed.
    """
    candidates = [root] if root is not None else [PACKAGE.parent, Path.cwd()]
    for candidate in candidates:
        if (candidate / FIRST_NOTEBOOK).is_file():
            return candidate.resolve()
    looked = " or ".join(str(candidate) for candidate in candidates)
    raise LabError(
        f"{FIRST_NOTEBOOK} is not in {looked}. The notebooks come with the source, not with the installed "
        "package: clone the repository and run `make lab` there, or name its folder with "
        "`recsys-lab lab --root FOLDER`."
    )


def launch(root: Path, *, port: int = FIRST_PORT, open_browser: bool = True, extra: Sequence[str] = ()) -> None:
    """Run JupyterLab on the course until Ctrl-C. Kernels end with it.

    root: a folder from `find_root`. port: the first one to try; when it is in use the next free one is taken.
    extra: further arguments for JupyterLab, as on its own command line.
    """
    os.environ.update(environment(root))
    for name in FOREIGN_SETTINGS:
        os.environ.pop(name, None)

    print("Starting JupyterLab, a few seconds ... (Ctrl-C ends it)", flush=True)
    from jupyterlab.labapp import LabApp

    # Without a terminal JupyterLab lets Ctrl-C cut it short, kernels left behind; SIGTERM it obeys well.
    signal.signal(signal.SIGINT, lambda number, frame: signal.raise_signal(signal.SIGTERM))
    LabApp.launch_instance(arguments(root, port=port, open_browser=open_browser, extra=extra))


def arguments(root: Path, *, port: int, open_browser: bool, extra: Sequence[str] = ()) -> list[str]:
    """JupyterLab's command line. Its token is not here: JupyterLab makes a new one for each run."""
    chosen = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.open_browser={open_browser}",
        "--PasswordIdentityProvider.hashed_password=",
        "--ServerApp.answer_yes=True",  # one Ctrl-C ends it
        "--ServerApp.log_level=WARN",
        "--KernelManager.transport_encryption=auto",  # other accounts of this machine cannot listen in
        "--LanguageServerManager.autodetect=False",  # it would run npm, which writes to the home
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        chosen.append("--ServerApp.allow_root=True")  # containers are often run as root
    named = {argument.split("=")[0] for argument in extra}
    return [*(argument for argument in chosen if argument.split("=")[0] not in named), *extra]


def environment(root: Path) -> Mapping[str, str]:
    """Where JupyterLab, its kernels and IPython find and keep their files; handed on to every kernel."""
    state = _state_folder(root)
    return {
        "JUPYTER_CONFIG_PATH": str(PACKAGE / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel named python3 is this environment's own
        "IPYTHONDIR": str(state / "ipython"),
        "MPLCONFIGDIR": str(state / "matplotlib"),
        "RECSYS_LAB_PROGRESS": str(state / "progress.json"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }


def keep_progress_with_the_course() -> None:
    """Have this process read progress where the lab's notebooks keep it, unless it was told another place."""
    with contextlib.suppress(LabError):
        os.environ.setdefault("RECSYS_LAB_PROGRESS", environment(find_root())["RECSYS_LAB_PROGRESS"])


def _state_folder(root: Path) -> Path:
    """`.lab` beside the notebooks; where that cannot be written, a private folder for this run."""
    folder = root / ".lab"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="recsys-lab-"))
