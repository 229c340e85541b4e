"""Which column of a file is which fact: proposed, remembered for each source, and refused where it cannot work."""

from collections.abc import Mapping, Sequence

from donations.desk.imports import sources
from donations.models import ImportMapping
from nonprofit import clock

# ActBlue's receipt is for one gift mostly, and then its number is the gift's id as well.
MAY_SHARE = frozenset({"external_id", "receipt_number"})


class WrongMapping(ValueError):
    """The columns cannot be read so. problems: our field's code (or "") → a sentence for the person who chose."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


def plain(heading: str) -> str:
    """A heading as it is compared: letters and digits only, lower case."""
    return "".join(character for character in heading.lower() if character.isalnum())


def propose(source: str, headings: Sequence[str], remembered: Mapping[str, str] | None = None) -> dict[str, str]:
    """The file's heading for each of our fields that it seems to have; each heading once.

    First what this source had last time, then the platform's own headings, then what spreadsheets mostly say.
    """
    there = {plain(heading): heading for heading in reversed(headings) if plain(heading)}
    own = next((one.headings for one in sources.SOURCES if one.code == source), {})
    columns = {code: heading for code, heading in (remembered or {}).items() if heading in headings}
    taken = set(columns.values())
    for known in (lambda f: own.get(f.code, ()), lambda f: f.headings):
        for field in sources.FIELDS:
            found = (there.get(plain(heading)) for heading in known(field))
            heading = next((one for one in found if one is not None and one not in taken), None)
            if field.code not in columns and heading is not None:
                columns[field.code] = heading
                taken.add(heading)
    if "first_name" in columns and "last_name" in columns and "name" not in (remembered or {}):
        columns.pop("name", None)
    return columns


def check(columns: Mapping[str, str], headings: Sequence[str]) -> dict[str, str]:
    """The columns that were chosen, without those left empty. Raises WrongMapping."""
    chosen = {code: heading for code, heading in columns.items() if heading}
    problems: dict[str, str] = {}
    for code, heading in chosen.items():
        if code not in sources.BY_CODE or heading not in headings:
            problems[code if code in sources.BY_CODE else ""] = f"The file has no column “{heading}”."
    for code in ("amount", "date"):
        if code not in chosen:
            problems[code] = f"Say which column holds the {sources.BY_CODE[code].label.lower()}."
    if not chosen.keys() & {"name", "first_name", "last_name"}:
        problems["name"] = "Say which column holds the supporter's name."
    uses: dict[str, list[str]] = {}
    for code, heading in chosen.items():
        uses.setdefault(heading, []).append(code)
    for heading, codes in uses.items():
        if len(codes) > 1 and not set(codes) <= MAY_SHARE:
            names = " and ".join(sources.BY_CODE[code].label for code in codes)
            problems[codes[-1]] = f"“{heading}” is chosen for {names}: one column, one use."
    if problems:
        raise WrongMapping(problems)
    return chosen


def remembered(source: str) -> dict[str, str]:
    """What each field was called in this source's last file."""
    row = ImportMapping.objects.filter(source=source).first()
    return dict(row.columns) if row else {}


def remember(source: str, columns: Mapping[str, str], date_order: str) -> None:
    """The next file of this source begins with these columns. Safe twice."""
    ImportMapping.objects.update_or_create(
        source=source, defaults={"columns": dict(columns), "date_order": date_order, "changed_at": clock.now()}
    )
