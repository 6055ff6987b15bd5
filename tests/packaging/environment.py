"""A virtual environment in which only what was installed can be found."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CleanEnvironment:
    """A virtual environment outside of the checkout."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The environment's Python, which sees neither the checkout nor this process's settings."""
        return self._run(self.python, "-I", *arguments)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The command `casty` that the installation has made."""
        return self._run(self.folder / "bin" / "casty", *arguments)

    def _run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
