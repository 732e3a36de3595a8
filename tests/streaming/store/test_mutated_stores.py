"""Broken stores without a fuzzer: what fuzz/stores.py makes of whole ones, in a process of its own.

A file that is wrongly let through may end that process.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CHANGES = 400


def outcome(folder, planted=""):
    code = (
        f"import sys; from pathlib import Path; from fuzz import stores; {planted}\n"
        f"print(*stores.main(Path(sys.argv[1]), most={CHANGES}))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True
    )


def test_a_changed_store_is_refused_or_is_a_store_and_both_happen(tmp_path):
    done = outcome(tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    tried, taken = map(int, done.stdout.split())
    assert tried == CHANGES
    assert CHANGES // 20 < taken < CHANGES // 2


def test_that_check_notices_a_store_that_checks_nothing_before_lmdb_sees_it(tmp_path):
    """Without the check, LMDB ends the process, or states differ from those that were written."""
    planted = (
        "import recurra.streaming.store.environment as it;it.check_file = lambda *a, **o: None"
    )

    assert outcome(tmp_path, planted).returncode != 0
