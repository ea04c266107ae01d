"""What the wheel carries beside the tool: its manual page, and the controller's code for definitions.

`understudy validate` runs that very code, taken from where it stands, on a Python that can run it; its libraries are
the extra `validate`.
"""

import sys
from pathlib import Path

from setuptools import find_packages, setup

CONTROLLER = Path("..") / "layers" / "controller" / "python"
PARTS = [
    *("understudy", "understudy.definition*", "understudy.domain*", "understudy.ports*"),
    *("understudy.usecases", "understudy.usecases.register", "understudy.adapters"),
    *("understudy.adapters.ec2", "understudy.adapters.route53"),
]
is_there = sys.version_info >= (3, 11) and (Path(__file__).parent / CONTROLLER / "understudy").is_dir()

setup(
    packages=[
        *find_packages(include=["understudy_cli*"]),
        *(find_packages(str(CONTROLLER), include=PARTS) if is_there else []),
    ],
    data_files=[("share/man/man1", ["understudy.1"])],
    package_dir={"understudy": str(CONTROLLER / "understudy")} if is_there else {},
)
