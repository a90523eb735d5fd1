"""The catalog: every data set the course knows, where it comes from and what it must contain."""

import difflib
import re
from dataclasses import dataclass, replace
from functools import partial

from recsys_lib.data.readers import Format
from recsys_lib.validation import DataError

AMAZON = "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023"
GROUPLENS = "https://files.grouplens.org/datasets/movielens"

AMAZON_CITATION = (
    "Y. Hou, J. Li, Z. He, A. Yan, X. Chen, J. McAuley: Bridging Language and Items for Retrieval "
    "and Recommendation. arXiv:2403.03952, 2024"
)
MOVIELENS_CITATION = (
    "F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. ACM Transactions on "
    "Interactive Intelligent Systems 5(4), article 19, 2015. doi:10.1145/2827872"
)
AMAZON_LICENSE = "none stated by the lab; do not redistribute"
MOVIELENS_LICENSE = "GroupLens: research and teaching, no redistribution without permission"

# sha256 of the official 0core/rating_only files, as a third party published them, together with the
# sha256 of the MovieLens archives below; the lab itself states none. md5 sums are the publishers'.
SHA256_0CORE = {
    "All_Beauty": "54b894e68ad965aa73cdb80d8695c1ed37679c46f38b6f97b21ab0fb585aab24",
    "Amazon_Fashion": "7d08f3ad3ec331eb95cabf5a85c8e65f82f958429a17131e6d391f54532c0310",
    "Appliances": "0096701a2521a5fc71c5cfca11e953b0eb48a94a1b6ee4be65cb680c1fd56976",
    "Arts_Crafts_and_Sewing": "05ca786b3f99269ba659d71891b55d23e37bd74ab6cec0b53214ccb656308bb3",
    "Automotive": "9dda260d1d2cb91d0f967d0b4bfa0a09fda2904432023234569e45a6a30c48d3",
    "Baby_Products": "e2a8d0498afed767ee2615db7fac549559d82490b1a73c7241b84b5e9e8c279e",
    "Beauty_and_Personal_Care": "dd89a914e8c71d811c49a7e8fbdfc251c08bffb461b9544275e94018cb17f741",
    "Books": "752e144c1d3804619711a6b21bd68a5505825064723bfcd5008ac26067abe04b",
    "CDs_and_Vinyl": "1bade4e428efcffb549b6b7cb1f62a8cde9644e19a981a210b11a4c9c1561e75",
    "Cell_Phones_and_Accessories": "1f6df616b0ae463c039f68c7082daec52d2c713b33adb57b85db3430a8e2373a",
    "Clothing_Shoes_and_Jewelry": "ee93396e811c03d077290b78e323228c58814a034e3e98d0339e5314d7f7a9a7",
    "Digital_Music": "dbd5ddd5398d0eb9cfe224c9cc60470ccfd9c55e76fc82653dd3f44f6796c2a1",
    "Electronics": "2ac3508c5d0ee55ed9fdc833629f751e0f0120b9a8cb30867c8c14b87911c170",
    "Gift_Cards": "abfd9636afc5cdc1f46082ac1f9661b7c617cbd9c8a75652ad6a567173a14807",
    "Grocery_and_Gourmet_Food": "4cb2da7f57dfe210eecf348ee16514d11460022f0ce4ed141aa66e3eb5410135",
    "Handmade_Products": "b024e3e4cb1b1f4c9cfbb44a506ea42f8b8430ee8caf0dfa69fef52b69ece408",
    "Health_and_Household": "0a8982f9915bd18ea61caf4341db95c3fe1478abee907e6a61fec838374d2dca",
    "Health_and_Personal_Care": "5516d99b9747abff99003a7e1518833c2d64b10196201b6e6e90673bee15964d",
    "Home_and_Kitchen": "9be4e2dc8b3dc513c02521644b2ae55f722b2941767e539dcfe518f6bdd4f70b",
    "Industrial_and_Scientific": "97aea590deb258f634caea04b63f038dceb5990bbc92cac87ce2a985f0f91595",
    "Kindle_Store": "ff546c451edfb403d10099912b816b11600e689a599621167d4847331fdc0a0d",
    "Magazine_Subscriptions": "4892619d97f810331c2a278176b2be616de10403be59e48efbe65c5c1e7904d2",
    "Movies_and_TV": "aa927ae5a4fc5262bfa6152ce522349f828760035242fd7e02b1dc139e867156",
    "Musical_Instruments": "042648a89f479aaa2af4664dcb49966dbaf07bd5ebab6957799f5fb4c5efa2e0",
    "Office_Products": "f91b5cfb6ed5ff52afe3e2f3ecc7918cbd8745b3241a8fc61011c3a41f23920b",
    "Patio_Lawn_and_Garden": "a1ea496e71e488c6b12823d479ed6375384b82f6794b38e66d12a5dcd20c392d",
    "Pet_Supplies": "cfc55406a1fbb507e4adfa18472e60a5de52fab3dd76f97fea25d30da1288003",
    "Software": "11687bdbedc0bfd9bf86368465dcab40f2450d1ea8eabd3c830ba8b339edd9c0",
    "Sports_and_Outdoors": "110617511c7303ca34d157b7d62fd20a02e412c3639b4c6e307a951fadf0414c",
    "Subscription_Boxes": "fb867ee253db3987ab3ceaf371da506df794b08c98cf9a99e9718d9e4e818188",
    "Tools_and_Home_Improvement": "5845ac062a2c165d540badac13f00a8cb8cdaa30deb670a9b41db19d92c6bd1d",
    "Toys_and_Games": "170fc8a18797c6091cf1b07bb3d97c13c94bfa030cf76c430bb8cac0dfb47a9f",
    "Video_Games": "30692f9806e33a7b5d8b599b73d7ca33dbfefb0abdfc1578052a101f2e64b3cd",
    "Unknown": "864c1dfa8b215a9a09fe0d17c7abc15f2da97078bc9acc7911783f2447016e10",
}

# The 5-core files exist for all categories but the six in which no user or too few are left.
NO_5CORE = {
    "Amazon_Fashion",
    "Appliances",
    "Digital_Music",
    "Handmade_Products",
    "Health_and_Personal_Care",
    "Subscription_Boxes",
}

# Some reviews bear a time before 1970. That was reported of a raw file (of Electronics, by issue 29 of
# github.com/hyp1231/AmazonReviews2023); the 0-core files list the same reviews.
AMAZON_FAULTS = ("timestamp is out of range",)
AMAZON_FORMAT = Format(
    "user_id", "parent_asin", "rating", "timestamp", time_unit="ms", scale=(1.0, 5.0)
)
REVIEW_FORMAT = Format(
    "user_id",
    "parent_asin",
    "rating",
    "timestamp",
    kind="jsonl",
    time_unit="ms",
    scale=(1.0, 5.0),
    known_faults=AMAZON_FAULTS,
)
MOVIELENS_FORMAT = partial(
    Format,
    "user",
    "item",
    "rating",
    "timestamp",
    columns=("user", "item", "rating", "timestamp"),
    integer_ids=True,
    time_unit="s",
    scale=(1.0, 5.0),
)


@dataclass(frozen=True)
class Dataset:
    """What the course knows of a data set.

    Attributes
    ----------
    name : str
        What `load` is called with.
    about : str
        One line.
    license, citation : str
    file : str or None
        Where the file stands in the cache folder; None: it comes with an installed package, or is
        made from another data set.
    url : str or None
        Where the file can be fetched.
    form : Format or None
    sha256, md5 : str or None
        Of the file, where its publisher or a third party states one.
    counts : (int, int, int) or None
        Ratings, users and items it must come to, where known.
    """

    name: str
    about: str
    license: str
    citation: str
    file: str | None = None
    url: str | None = None
    form: Format | None = None
    sha256: str | None = None
    md5: str | None = None
    counts: tuple[int, int, int] | None = None

    @property
    def stored(self) -> tuple[str, Format]:
        """`file` and `form` of a data set that is read from a file."""
        if self.file is None or self.form is None:
            raise ValueError(f"{self.name} has no file of its own")
        return self.file, self.form


MOVIELENS_SMALL = Dataset(
    "movielens-small",
    "Films rated 0.5 to 5 stars, 1995 to 2016, with titles, years and genres",
    "GroupLens: may be passed on under the same conditions, not commercially, with attribution",
    MOVIELENS_CITATION,
    counts=(100_004, 671, 9_066),
)
PAPER = Dataset(
    "amazon-2023-musical-instruments",
    "The paper's data: Musical_Instruments after one pass of at least 20 reviews",
    AMAZON_LICENSE,
    AMAZON_CITATION,
    file="amazon-2023-musical-instruments-20-20/Musical_Instruments.csv.gz",
    form=AMAZON_FORMAT,
    counts=(42_626, 5_107, 1_003),
)
MOVIELENS_100K = Dataset(
    "movielens-100k",
    "Films rated 1 to 5 stars, 1997 and 1998, with titles, years and genres",
    MOVIELENS_LICENSE,
    MOVIELENS_CITATION,
    file="movielens/ml-100k.zip",
    url=f"{GROUPLENS}/ml-100k.zip",
    form=MOVIELENS_FORMAT(separator="\t", member="u.data"),
    md5="0e33842e24a9c977be4e0107933c0723",
    sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    counts=(100_000, 943, 1_682),
)
MOVIELENS_1M = Dataset(
    "movielens-1m",
    "Films rated 1 to 5 stars, 2000 to 2003, with titles, years and genres",
    MOVIELENS_LICENSE,
    MOVIELENS_CITATION,
    file="movielens/ml-1m.zip",
    url=f"{GROUPLENS}/ml-1m.zip",
    form=MOVIELENS_FORMAT(separator="::", member="ratings.dat"),
    md5="c4d9eecfca2ab87c1945afe126590906",
    sha256="a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    counts=(1_000_209, 6_040, 3_706),
)
MOVIELENS_1M_HE = Dataset(
    "movielens-1m-he2017",
    "MovieLens-1M numbered as He et al. (2017) number it, with their test items and negatives",
    MOVIELENS_LICENSE,
    MOVIELENS_CITATION,
    file="movielens-1m-he2017/ratings.csv.gz",
    form=Format(
        "user_id",
        "item_id",
        "rating",
        "timestamp",
        integer_ids=True,
        time_unit="s",
        scale=(1.0, 5.0),
    ),
    counts=(1_000_209, 6_040, 3_706),
)


def _amazon(category: str) -> list[Dataset]:
    """Return the official files of one category: 0-core, 5-core where there is one, reviews."""
    spoken = category.replace("_", " ")
    rights = AMAZON_LICENSE, AMAZON_CITATION
    found = [
        Dataset(
            f"amazon-2023/{category}",
            f"{spoken}: all ratings, one per user and product",
            *rights,
            file=f"amazon-2023/0core_rating_only_{category}.csv.gz",
            url=f"{AMAZON}/benchmark/0core/rating_only/{category}.csv.gz",
            form=replace(AMAZON_FORMAT, known_faults=AMAZON_FAULTS),
            sha256=SHA256_0CORE[category],
        ),
        Dataset(
            f"amazon-2023-reviews/{category}",
            f"{spoken}: the raw reviews",
            *rights,
            file=f"amazon-2023/raw_review_{category}.jsonl.gz",
            url=f"{AMAZON}/raw/review_categories/{category}.jsonl.gz",
            form=REVIEW_FORMAT,
            counts=(15_953, 15_237, 641) if category == "Subscription_Boxes" else None,
        ),
    ]
    if category not in NO_5CORE:
        all_beauty = category == "All_Beauty"
        found.append(
            Dataset(
                f"amazon-2023-5core/{category}",
                f"{spoken}: users and products with at least 5 ratings",
                *rights,
                file=f"amazon-2023/5core_rating_only_{category}.csv.gz",
                url=f"{AMAZON}/benchmark/5core/rating_only/{category}.csv.gz",
                form=AMAZON_FORMAT,
                md5="a3438cd1faaeb544d49395e1f0b60671" if all_beauty else None,
                counts=(2_535, 253, 356) if all_beauty else None,
            )
        )
    return found


def amazon_metadata(category: str) -> tuple[str, str]:
    """Return (place in the cache folder, URL) of a category's product metadata."""
    return (
        f"amazon-2023/raw_meta_{category}.jsonl.gz",
        f"{AMAZON}/raw/meta_categories/meta_{category}.jsonl.gz",
    )


DATASETS: dict[str, Dataset] = {
    entry.name: entry
    for entry in [
        MOVIELENS_SMALL,
        PAPER,
        MOVIELENS_100K,
        MOVIELENS_1M,
        MOVIELENS_1M_HE,
        *(entry for category in SHA256_0CORE for entry in _amazon(category)),
    ]
}


def lookup(name: str) -> Dataset:
    """Return the entry of this name. Raises DataError with the nearest names if there is none."""
    if isinstance(name, str) and name in DATASETS:
        return DATASETS[name]
    close = _near(str(name))[:5]
    if close:
        hint = f"near it: {', '.join(close)}"
    else:
        movielens = [known for known in DATASETS if "/" not in known]
        families = dict.fromkeys(known.split("/")[0] for known in DATASETS if "/" in known)
        amazon = [f"{family}/CATEGORY" for family in families]
        hint = f"there are {', '.join(movielens + amazon)}"
    raise DataError(f"name must be in data.catalog(), got {name!r}; {hint}")


def _near(name: str) -> list[str]:
    """Return known names, the nearest first: "ML 1M" is movielens-1m, "books" a category."""
    word = re.sub(r"^ml-?(latest-)?", "movielens-", _plain(name))
    plain = {known: _plain(known) for known in DATASETS}
    found = [known for known, text in plain.items() if word in (text, _plain(known.split("/")[-1]))]
    found += [known for known, text in plain.items() if word and word in text]
    by_text = {text: known for known, text in plain.items()}
    found += [by_text[text] for text in difflib.get_close_matches(word, by_text, n=5)]
    return list(dict.fromkeys(found))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
