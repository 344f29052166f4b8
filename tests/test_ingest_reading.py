"""Files to batches: globs, checks before the first batch, progress, rejects."""

import gzip
import json
import stat
from pathlib import Path

import polars as pl
import pytest

from graphsvc.errors import InputError, UnknownColumn, UnsupportedFile
from graphsvc.ingest import Mapping, Progress, Reject, RejectsFile, expand, load_mapping, read_events
from graphsvc.ingest.rejects import Reason

HEAD = "time,name,channel,email\n"
GOOD = "2024-03-13,home,website,ann@example.com\n"
ECOM = Path(__file__).parents[2] / "shared" / "data" / "ecom.csv.gz"

#: A mapping of at most 15 lines for an export that nobody here wrote.
ECOM_MAPPING = """\
source = "ecom"
[columns]
time = "timestamp"
name = "event"
channel = "platform"
[identifiers]
user_id = "user_id"
session_id = "session_id"
[traits]
acquisition_channel = "acquisition_channel"
user_cohort = "user_cohort"
user_lifecycle = "user_lifecycle"
[settings]
goals = ["purchase"]
"""

needs_ecom = pytest.mark.skipif(not ECOM.exists(), reason="the shared development data ../shared/data is not here")


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


# Which files


def test_globs_and_paths_become_files_each_once(tmp_path: Path) -> None:
    a, b = written(tmp_path / "a.csv", HEAD), written(tmp_path / "deep" / "b.csv", HEAD)
    (tmp_path / "folder.csv").mkdir()
    assert expand([f"{tmp_path}/**/*.csv", str(a), a]) == [a, b]


def test_a_file_may_be_called_like_a_glob(tmp_path: Path) -> None:
    odd = written(tmp_path / "a[1].csv", HEAD)
    assert expand([str(odd)]) == [odd]


@pytest.mark.parametrize(
    ("name", "said"), [("*.csv", "no file matches"), ("a.csv", "there is no file"), ("", "folder")]
)
def test_what_matches_nothing_is_an_error(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        expand([f"{tmp_path}/{name}"])


# Before anything is read


def test_an_unknown_column_in_the_last_file_stops_before_the_first_batch(tmp_path: Path) -> None:
    mapping = Mapping.model_validate(
        {
            "columns": {"time": "time", "name": "name", "channel": "channel"},
            "identifiers": {"email": "e_mail"},
        }
    )
    good = written(tmp_path / "a.csv", HEAD.replace("email", "e_mail") + GOOD)
    bad = written(tmp_path / "b.csv", HEAD + GOOD)
    with pytest.raises(UnknownColumn) as error:
        next(read_events([good, bad], [mapping]))
    assert str(error.value) == f"{bad} has no column 'e_mail'; did you mean 'email'?"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("tyme,name,channel,email", "unknown column 'tyme'; did you mean 'time'"),
        ("name,channel,email", "no column 'time'"),
        ("time,name,email", "no column 'channel'"),
        ("time,name,channel", "no column of an identifier"),
        ("time,name,channel,identifiers.a.b", "unknown column 'identifiers.a.b'"),
    ],
)
def test_a_plain_file_is_checked_too(tmp_path: Path, header: str, said: str) -> None:
    path = written(tmp_path / "plain.csv", header + "\n")
    with pytest.raises(UnknownColumn) as error:
        next(read_events([path]))
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_rows_of_mixed_kinds_need_no_touchpoint_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "plain.csv", "kind,customer_id,email,traits.age\nprofile,1,,41\nlink,1,a@example.com,\n")
    (batch,) = read_events([path])
    assert batch.events["kind"].to_list() == ["profile", "link"]


def test_an_unsupported_file_stops_before_the_first_batch(tmp_path: Path) -> None:
    good = written(tmp_path / "a.csv", HEAD + GOOD)
    (tmp_path / "b.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(UnsupportedFile):
        next(read_events([good, tmp_path / "b.xlsx"]))


def test_a_json_field_that_comes_late_is_known_and_one_that_never_comes_is_not(tmp_path: Path) -> None:
    row = {"t": "2024-03-13", "n": "home", "who": {"mail": "ann@example.com"}, "pad": "x" * 1000}
    lines = [json.dumps(row)] * 1_500 + [json.dumps({**row, "extra": {"mood": 0.5}})]
    path = written(tmp_path / "rows.jsonl", "\n".join(lines))
    base = {"constants": {"channel": "app"}, "identifiers": {"email": "who.mail"}}
    late = {"time": "t", "name": "n", "sentiment": "extra.mood"}
    batches = list(read_events([path], [Mapping.model_validate({**base, "columns": late})]))
    assert pl.concat(batch.events for batch in batches)["sentiment"].drop_nulls().to_list() == [0.5]
    never = {**late, "sentiment": "extra.mod"}
    with pytest.raises(UnknownColumn, match=r"rows\.jsonl has no column 'extra\.mod'"):
        next(read_events([path], [Mapping.model_validate({**base, "columns": never})]))


def test_an_unknown_field_late_in_plain_json_refuses_its_rows(tmp_path: Path) -> None:
    row = {"time": "2024-03-13", "name": "home", "channel": "app", "email": "ann@example.com", "question": "x" * 1000}
    path = written(tmp_path / "rows.jsonl", "\n".join([json.dumps(row)] * 1_500 + [json.dumps({**row, "oops": 1})]))
    batches = list(read_events([path]))
    assert sum(batch.events.height for batch in batches) == 1_500
    (reject,) = [reject for batch in batches for reject in batch.rejects]
    assert (reject.line, reject.field, reject.reason) == (1_501, "oops", Reason.UNKNOWN_FIELD)


def test_an_empty_json_lines_file_holds_no_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "quiet_hour.jsonl", "")
    assert sum(batch.rows for batch in read_events([path])) == 0


# Batches


def test_batches_carry_events_rejects_and_unused_columns(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv", "t,n,mail,spare\n2024-03-13,home,ann@example.com,1\nsoon,home,ann@example.com,2\n"
    )
    mapping = Mapping.model_validate(
        {
            "source": "web",
            "columns": {"time": "t", "name": "n"},
            "constants": {"channel": "app"},
            "identifiers": {"email": "mail"},
        }
    )
    (batch,) = read_events([path], [mapping])
    assert (batch.file, batch.rows, batch.unused) == (str(path), 2, ("spare",))
    assert batch.events["source"].to_list() == ["web"]
    assert [(reject.line, reject.field, reject.reason) for reject in batch.rejects] == [(3, "time", Reason.BAD_TIME)]


def test_each_file_takes_its_mapping(tmp_path: Path) -> None:
    body = "t,n,mail\n2024-03-13,home,ann@example.com\n"
    files = [written(tmp_path / name, body) for name in ("web_1.csv", "shop_1.csv")]
    base = {"columns": {"time": "t", "name": "n"}, "identifiers": {"email": "mail"}}
    web = Mapping.model_validate({**base, "source": "web", "files": "web_*", "constants": {"channel": "website"}})
    shop = Mapping.model_validate({**base, "source": "shop", "constants": {"channel": "store"}})
    batches = list(read_events(files, [web, shop]))
    assert [batch.events["channel"][0] for batch in batches] == ["website", "store"]


def test_progress_counts_bytes_over_all_files(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", HEAD + GOOD * 3 + "bad\n")
    second = tmp_path / "b.csv.gz"
    second.write_bytes(gzip.compress((HEAD + GOOD * 2).encode()))
    seen: list[Progress] = []
    list(read_events([first, second], progress=seen.append))
    total = first.stat().st_size + second.stat().st_size
    assert [now.bytes_total for now in seen] == [total] * len(seen)
    assert [now.bytes_done for now in seen] == sorted(now.bytes_done for now in seen)
    assert (seen[-1].bytes_done, seen[-1].rows, seen[-1].rejects) == (total, 6, 1)


def test_the_same_file_gives_the_same_keys_under_any_name(tmp_path: Path) -> None:
    rows = "".join(f"2024-03-13 10:00:{second:02},home,website,ann@example.com\n" for second in range(60))
    first, second = written(tmp_path / "a.csv", HEAD + rows), written(tmp_path / "b.csv", HEAD + rows)
    a, b = (pl.concat(batch.events for batch in read_events([path])) for path in (first, second))
    assert a.equals(b)
    assert a["key"].n_unique() == 60


# The rejects file

REJECT = Reject("a.csv", 3, "time", Reason.BAD_TIME, '{"time": "soon"}')


def test_rejects_are_json_lines_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    assert RejectsFile(path).add([REJECT]) == 1
    assert json.loads(path.read_text("utf-8")) == {
        "file": "a.csv",
        "line": 3,
        "field": "time",
        "reason": "unreadable time",
        "raw": '{"time": "soon"}',
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reject_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    other = Reject("a.csv", 4, None, Reason.COLUMNS, "x")
    assert RejectsFile(path).add([REJECT, REJECT]) == 1
    assert RejectsFile(path).add([REJECT, other]) == 1
    assert RejectsFile(path).add([REJECT, other]) == 0
    assert len(path.read_text("utf-8").splitlines()) == 2


def test_a_line_torn_by_a_crash_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    other = Reject("a.csv", 4, None, Reason.COLUMNS, "x")
    RejectsFile(path).add([REJECT, other])
    path.write_bytes(path.read_bytes()[:-5])
    path.chmod(0o644)
    assert RejectsFile(path).add([REJECT, other]) == 1
    assert [json.loads(line)["line"] for line in path.read_text("utf-8").splitlines()] == [3, 4]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# A real export


@needs_ecom
def test_a_real_export_goes_in_with_a_mapping_of_15_lines(tmp_path: Path) -> None:
    assert len(ECOM_MAPPING.splitlines()) <= 15
    mapping = load_mapping(written(tmp_path / "ecom.toml", ECOM_MAPPING))
    batches = list(read_events([ECOM], [mapping]))
    events = pl.concat(batch.events for batch in batches)
    assert (events.height, sum(len(batch.rejects) for batch in batches)) == (31_106, 0)
    assert batches[0].unused == ()
    assert events["name"].n_unique() == 19
    raw = pl.read_csv(ECOM, try_parse_dates=True)
    assert events["key"].n_unique() == raw.unique().height  # equal rows have equal keys, no others have
    assert (events["at"].min(), events["at"].max()) == (raw["timestamp"].min(), raw["timestamp"].max())
