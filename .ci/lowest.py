"""Print the lowest versions that setup.cfg allows, as constraints for pip: name>=1.2 becomes name==1.2."""

import configparser
import re
import sys
from pathlib import Path

config = configparser.ConfigParser()
config.read(Path(__file__).parents[1] / "setup.cfg", encoding="utf-8")
for text in (config["options"]["install_requires"], *config["options.extras_require"].values()):
    for line in text.split():
        match = re.fullmatch(r"([\w-]+)[>=]=([\w.]+)", line) or sys.exit(f"setup.cfg: {line} has no lowest version")
        print(f"{match[1]}=={match[2]}")
