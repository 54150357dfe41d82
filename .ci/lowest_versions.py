"""Prints the lowest version that pyproject.toml allows for each direct dependency, as requirements."""

import argparse
import re
from pathlib import Path

import tomllib

parser = argparse.ArgumentParser()
parser.add_argument("file", type=Path)
parser.add_argument("--without", action="append", default=[])
arguments = parser.parse_args()
project = tomllib.loads(arguments.file.read_text(encoding="utf-8"))["project"]
for entry in project["dependencies"]:
    requirement, _, marker = entry.partition(";")
    found = re.fullmatch(r"([A-Za-z0-9_.-]+)>=([0-9.]+)(?:,<.*)?", requirement.strip())
    if found is None:
        raise SystemExit(f"{entry!r} has no lower bound; write name>=version.")
    if found[1] not in arguments.without:
        print(f"{found[1]}=={found[2]}" + (f" ; {marker.strip()}" if marker else ""))
