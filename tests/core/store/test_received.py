"""The index of received objects: counted, flagged, all or none, on either database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import StoreError
from core.store import Arrival, ReceivedObject, received_index
from core.store.received import StoredObject

CT = "1.2.840.10008.5.1.4.1.1.2"
OBJECT = ReceivedObject(
    sender="CT1",
    association="a" * 32,
    study_uid="1.2.1",
    series_uid="1.2.1.1",
    instance_uid="1.2.1.1.1",
    class_uid=CT,
    transfer_syntax="1.2.840.10008.1.2.1",
    sha256="a" * 64,
    bytes=3_000_000_000,
    received_wall_s=1_700_000_000.5,
)
OTHER_CONTENT = replace(OBJECT, sha256="b" * 64)
NEXT = replace(OBJECT, instance_uid="1.2.1.1.2", sha256="c" * 64)
OTHER_STUDY = replace(OBJECT, study_uid="1.2.2", instance_uid="1.2.2.1.1", sha256="d" * 64)


def nothing() -> None:
    pass


def test_object_comes_back_as_it_came(store):
    index = received_index(store, "medical")

    assert index.add([OBJECT], nothing) == [Arrival.NEW]

    assert index.objects_of("1.2.1") == [StoredObject(1, OBJECT, 1, False)]
    assert received_index(store, "driving").objects_of("1.2.1") == []


def test_duplicates_are_counted_and_contradictions_flagged_within_one_commit_and_between(store):
    index = received_index(store, "medical")

    assert index.add([OBJECT, OBJECT, NEXT], nothing) == [Arrival.NEW, Arrival.DUPLICATE, Arrival.NEW]
    assert index.add([OTHER_CONTENT, OBJECT], nothing) == [Arrival.CONFLICT, Arrival.DUPLICATE]

    found = {each.object.sha256[0]: (each.times, each.is_conflict) for each in index.objects_of("1.2.1")}
    assert found == {"a": (3, True), "b": (1, True), "c": (1, False)}
    assert len(index) == 3


def test_nothing_is_indexed_where_files_cannot_be_put_in_place(store):
    index = received_index(store, "medical")

    def fail() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        index.add([OBJECT, NEXT], fail)

    assert len(index) == 0


def test_studies_wait_until_they_were_handed_on_and_again_when_more_comes(store):
    index = received_index(store, "medical")
    index.add([OTHER_STUDY, OBJECT], nothing)
    assert index.waiting_studies() == ["1.2.2", "1.2.1"]

    [first] = index.objects_of("1.2.1")
    index.add([NEXT], nothing)
    index.handed_on("1.2.1", first.id)  # what came meanwhile was not handed on
    assert index.waiting_studies() == ["1.2.2", "1.2.1"]
    index.handed_on("1.2.1", index.objects_of("1.2.1")[-1].id)
    index.add([OBJECT], nothing)  # a duplicate is nothing new
    assert index.waiting_studies() == ["1.2.2"]


def test_many_identifiers_are_asked_for_at_once(store):
    index = received_index(store, "medical")
    many = [replace(OBJECT, instance_uid=f"1.2.3.{n}", sha256=f"{n:064x}") for n in range(1000)]
    index.add(many, nothing)

    assert set(index.add(many, nothing)) == {Arrival.DUPLICATE}
    wanted = [(CT, each.instance_uid) for each in many]
    assert index.kept([*wanted, (CT, "1.2.9"), ("1.2.840.1", "1.2.3.1")]) == set(wanted)
    assert index.named([each.sha256 for each in many] + ["f" * 64]) == {each.sha256 for each in many}


def test_only_files_that_no_row_names_are_removed(store):
    index, removed = received_index(store, "medical"), []
    index.add([OBJECT], nothing)

    assert index.remove_unnamed(["a" * 64, "f" * 64], removed.append) == 1

    assert removed == ["f" * 64]


def test_closed_database_is_a_store_error(sqlite_store, tmp_path):
    index = received_index(sqlite_store, "medical")
    for file in (tmp_path / "store").iterdir():
        file.unlink()
    (tmp_path / "store").rmdir()
    sqlite_store.close()

    with pytest.raises(StoreError):
        index.add([OBJECT], nothing)
