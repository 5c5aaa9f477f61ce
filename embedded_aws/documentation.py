"""Write the table of gaps in `docs/embedded-aws.md` from the gaps' docstrings."""

from __future__ import annotations

from embedded_aws import process, server

PAGE = process.ROOT / "docs" / "embedded-aws.md"
_BEGIN, _END = "<!-- gaps -->\n", "<!-- /gaps -->\n"


def table() -> str:
    """One row per gap: its module, and the first line of its docstring."""
    rows = ["| module | what it adds, or makes as strict as AWS |", "|---|---|"]
    for gap in server.GAPS:
        name = getattr(gap, "__name__", "").removeprefix("embedded_aws.")
        rows.append(f"| `{name}` | {(gap.__doc__ or '').strip().splitlines()[0]} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The page as it should be."""
    text = PAGE.read_text()
    return text[: text.index(_BEGIN) + len(_BEGIN)] + table() + text[text.index(_END) :]


if __name__ == "__main__":
    PAGE.write_text(page())
