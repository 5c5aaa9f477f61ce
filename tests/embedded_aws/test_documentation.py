"""Does the page about the embedded AWS list every gap?"""

from __future__ import annotations

from embedded_aws.documentation import PAGE, page


def test_the_table_of_gaps_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `.venv/bin/python -m embedded_aws.documentation`"
