"""The command `fetch`: models by name and by address, from a server on this machine that may be hostile."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from command_line import last_json
from mirrors import Mirror, serving
from PIL import Image

from scalefree_studio.cli import main
from scalefree_studio.data import download
from scalefree_studio.data.pretrained import pretrained
from scalefree_studio.storage.run_folder import load_checkpoint
from scalefree_studio.storage.shipped import named_models, shipped
from scalefree_studio.storage.tensors import pack

if TYPE_CHECKING:
    from driving import Driven

MODEL = shipped()["digits"].read_bytes()
SHA256 = hashlib.sha256(MODEL).hexdigest()
DIVIDERS = (Path(__file__).parent / "old" / "dividers" / "model.safetensors").read_bytes()

Tell = Callable[..., str]


def damaged() -> bytes:
    """The same network, but one of its numbers is none."""
    checkpoint = load_checkpoint("model:digits")
    model = {name: np.array(array) for name, array in checkpoint.model.items()}
    next(iter(model.values())).flat[0] = np.nan
    return pack(model, dict(checkpoint.about))


class Harm:
    """What a pickle can do to whoever opens it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harm"),)


FOREIGN = {
    "pickle.safetensors": lambda: pickle.dumps(Harm()),
    "page.safetensors": lambda: b"<!doctype html><title>Log in</title>",
    "empty.safetensors": lambda: b"",
    "cut.safetensors": lambda: MODEL[:-100],
    "foreign.safetensors": lambda: pack({"weight": np.zeros(3)}),
    "later.safetensors": lambda: pack({"weight": np.zeros(3)}, {"kind": "of tomorrow", "step": 1}),
    "without-kind.safetensors": lambda: pack({"weight": np.zeros(3)}, {"step": 1}),
    "other-weights.safetensors": lambda: pack({"weight": np.zeros(3)}, {"kind": "pixelcnn", "step": 1}),
    "damaged.safetensors": damaged,
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server with models, and an empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    for name in ("SCALEFREE_DATA", "SCALEFREE_MODELS"):
        monkeypatch.delenv(name, raising=False)
    files = {name: made() for name, made in FOREIGN.items()}
    files |= {"faces.safetensors": MODEL, "tree.safetensors": DIVIDERS, "faces.pt": MODEL}
    with serving(files, monkeypatch) as address:
        yield address


def register(monkeypatch: pytest.MonkeyPatch, *urls: str, name: str = "faces", **other: object) -> Path:
    """A registry of one's own with one model."""
    entry = {"title": "Faces", "draws": "portraits", "urls": list(urls), "sha256": SHA256, "size": len(MODEL),
             "licence": "CC0-1.0", **other}  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items() if value is not None]
    path = Path("own.toml").absolute()
    path.write_text("\n".join([f"[{json.dumps(name)}]", *lines]))
    monkeypatch.setenv("SCALEFREE_MODELS", str(path))
    return path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Tell:
    """What is told of a command that cannot be done, in one sentence and no more."""

    def refused(*arguments: object) -> str:
        capsys.readouterr()
        assert main(["fetch", *map(str, arguments)]) == 2
        out, err = capsys.readouterr()
        (text,) = [line for line in err.split("\n") if line and not line.startswith("\rDownloading ")]
        assert not out and text.startswith("scalefree-studio: ")
        assert text.endswith((".", "?")) and ". " not in text and "Traceback" not in text
        return text

    return refused


def kept() -> list[str]:
    """What downloads have left, apart from locks."""
    return sorted(p.name for p in Path("data/models").glob("*") if not p.name.endswith(".lock"))


# --- By name ------------------------------------------------------------------------------------------------


def test_a_registered_model_is_fetched_once_and_answers_by_its_name(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register(monkeypatch, f"{host}/missing/faces.safetensors", f"{host}/moved/faces.safetensors")
    assert main(["fetch", "faces", "--json"]) == 0
    out, err = capsys.readouterr()
    result, path = json.loads(out), Path("data/models/faces.safetensors").absolute()
    assert not err and result == {
        "name": "faces", "model": str(path), "fetched": True, "sha256": SHA256, "size": len(MODEL),
        "verified": True, "licence": "CC0-1.0",
    }  # fmt: skip
    assert path.read_bytes() == MODEL and kept() == ["faces.safetensors"]
    asked = len(Mirror.asked)
    assert main(["fetch", "model:faces"]) == 0
    told = capsys.readouterr().out
    assert len(Mirror.asked) == asked and "faces is already here" in told and "CC0-1.0" in told

    assert main(["info", "model:faces", "--json"]) == 0
    assert last_json(capsys.readouterr().out)["kind"] == "pixelcnn"
    assert main(["sample", "model:faces", "wall.png", "--count", "1"]) == 0
    with Image.open("wall.png") as wall:
        assert wall.size > (7, 7)


def test_what_comes_with_the_studio_answers_too(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("digits", "model:digits"):
        assert main(["fetch", asked, "--sha256", SHA256.upper()]) == 0
        assert str(shipped()["digits"]) in capsys.readouterr().out
    assert not Mirror.asked and not Path("data").exists()


def test_the_list_says_what_is_here_and_what_can_be_had(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register(monkeypatch, f"{host}/fine/faces.safetensors")

    def listed() -> dict[str, Any]:
        assert main(["fetch", "--list", "--json"]) == 0
        return {model["name"]: model for model in last_json(capsys.readouterr().out)["models"]}

    before = listed()
    assert set(before) == {*shipped(), "faces"}
    assert (
        before["digits"]["model"] == str(shipped()["digits"]) and before["digits"]["title"] == "Small digits"
    )
    faces = {
        "title": "Faces",
        "draws": "portraits",
        "licence": "CC0-1.0",
        "sha256": SHA256,
        "size": len(MODEL),
    }
    assert before["faces"] == {
        "name": "faces", "model": None, "urls": [f"{host}/fine/faces.safetensors"], **faces
    }  # fmt: skip
    assert main(["fetch", "faces"]) == 0
    capsys.readouterr()
    assert listed()["faces"]["model"] == str(Path("data/models/faces.safetensors").absolute())
    Path("data/models/stray.safetensors").write_bytes(b"?")
    assert main(["fetch", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*shipped(), "faces", "stray"]
    assert "model:faces" in lines[-2] and "Faces; portraits; CC0-1.0" in lines[-2]
    assert "not a model" in lines[-1]


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("fases", "do you mean faces?"),
        ("digit", "do you mean digits?"),
        ("elephants", "digits, faces, mnist"),
        ("../faces", "There is no model '../faces'"),
        ("../../etc/passwd", "there are cascade-sea"),
        ("file:/etc/passwd", "there are cascade-sea"),
        ("", "Name a model"),
    ],
)
def test_an_unknown_name(
    host: str, refused: Tell, monkeypatch: pytest.MonkeyPatch, asked: str, hint: str
) -> None:
    register(monkeypatch, f"{host}/fine/faces.safetensors")
    assert hint in refused(asked)
    assert not Mirror.asked and not Path("data").exists()


def test_an_unknown_name_elsewhere_says_where_to_find_others(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", "model:faces"]) == 2
    assert "`scalefree-studio fetch --list`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"name": "../faces"}, "a name has letters"),
        ({"name": "model"}, "a name has letters"),
        ({"urls": "https://example.org/a"}, "urls is a list"),
        ({"urls": []}, "urls is a list"),
        ({"urls": ["file:///etc/passwd"]}, "not all web addresses"),
        ({"urls": ["https://example.org/a", 3]}, "not all web addresses"),
        ({"size": 0}, "size is a number"),
        ({"size": 3.5}, "size is a number"),
        ({"size": None}, "size is a number"),
        ({"sha256": "abc"}, "sha256 has 64"),
        ({"sha256": None}, "sha256 has 64"),
        ({"licence": None}, "names no licence"),
        ({"title": 3}, "not plain text"),
        ({"title": "\u001b[2J"}, "not plain text"),
    ],
    ids=str,
)
def test_a_registry_that_is_wrong_says_where(
    host: str, refused: Tell, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], what: str
) -> None:
    entry: dict[str, Any] = {"urls": [f"{host}/fine/faces.safetensors"], **wrong}
    path = register(monkeypatch, *entry.pop("urls"), **entry) if isinstance(entry["urls"], list) else None
    if path is None:
        path = register(monkeypatch, **entry)
    for arguments in (["faces"], ["--list"]):
        assert what in (told := refused(*arguments)) and str(path) in told


def test_a_registry_that_is_none(host: str, refused: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEFREE_MODELS", "nowhere.toml")
    assert "nowhere.toml cannot be read" in refused("--list")
    monkeypatch.setenv("SCALEFREE_MODELS", "own.toml")
    for text in (b"faces = ", b"\xff", b"faces = 3"):
        Path("own.toml").write_bytes(text)
        assert "The registry own.toml is" in refused("--list")


def test_our_own_registry_can_be_read_and_an_instrument_may_bring_one(
    host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not set(pretrained()) & set(shipped())
    register(monkeypatch, f"{host}/fine/faces.safetensors").rename("registry.toml")
    monkeypatch.delenv("SCALEFREE_MODELS")
    monkeypatch.setattr("scalefree_studio.assets._model_folders", [tmp_path])
    assert pretrained()["faces"].urls == (f"{host}/fine/faces.safetensors",)


# --- By address ---------------------------------------------------------------------------------------------


def test_what_an_address_sends_is_checked_and_if_nobody_knows_its_checksum_that_is_said(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", f"{host}/chunked/faces.safetensors?download=true"]) == 0
    told = capsys.readouterr().out
    assert "was not verified" in told and SHA256 in told and "sample model:faces" in told
    assert main(["fetch", f"{host}/fine/tree.safetensors", "--out", "there", "--json"]) == 0
    result = last_json(capsys.readouterr().out)
    assert result["model"] == "there/tree.safetensors" and not result["verified"]
    url = f"{host}/fine/faces.pt"
    assert main(["fetch", url, "--name", "others", "--sha256", SHA256, "--json"]) == 0
    assert last_json(capsys.readouterr().out)["verified"]
    assert kept() == ["faces.safetensors", "others.safetensors"]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_model_is_refused_and_deleted(host: str, refused: Tell, name: str) -> None:
    """Also where its checksum is right."""
    right = hashlib.sha256(Mirror.files[name]).hexdigest()
    for more in ([], ["--sha256", right]):
        told = refused(f"{host}/fine/{name}", *more)
        assert f"{host}/fine/{name} was refused and deleted: " in told
        assert kept() == []
    assert not Path("harm").exists()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("file:///etc/passwd", "not a web address"),
        ("ftp://example.org/a.safetensors", "not a web address"),
        ("https:///a.safetensors", "not a web address"),
        ("http://[a/b.safetensors", "not a web address"),
        ("http://example.org:port/b.safetensors", "not a web address"),
        ("{host}/fine/faces.pt", "--name NAME"),
        ("{host}/fine/", "--name NAME"),
        ("{host}/fine/%2e%2e%2ffaces.safetensors", "No model can be called '../faces'"),
        ("{host}/fine/..%5cfaces.safetensors", "No model can be called"),
        ("{host}/fine/.safetensors", "No model can be called ''"),
        ("{host}/fine/model.safetensors", "--name NAME"),
        ("{host}/fine/" + "x" * 101 + ".safetensors", "--name NAME"),
    ],
)
def test_an_address_that_cannot_be_meant(host: str, refused: Tell, url: str, what: str) -> None:
    assert what in refused(url.format(host=host))
    assert not Mirror.asked and not Path("data").exists()


def test_other_wrong_input(host: str, refused: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, url := f"{host}/fine/faces.safetensors")
    assert "Name a model" in refused()
    assert "64 hexadecimal digits" in refused("faces", "--sha256", "abc")
    assert "another SHA-256" in refused("faces", "--sha256", "0" * 64)
    assert "Only a model from an address" in refused("faces", "--name", "others")
    assert "No model can be called '../others'" in refused(url, "--name", "../others")
    assert "not the checksum" in refused("digits", "--sha256", "0" * 64)
    assert not Mirror.asked


def test_a_name_that_is_taken(
    host: str, refused: Tell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{host}/fine/tree.safetensors"
    assert "comes with the studio; give this one another name" in refused(url, "--name", "digits")
    assert main(["fetch", url]) == 0
    Mirror.asked.clear()
    assert main(["fetch", url]) == 0
    assert "is already here" in capsys.readouterr().out
    assert "not the checksum of tree" in refused(url, "--sha256", SHA256)
    register(monkeypatch, url, name="tree")
    assert "not the checksum of tree" in refused("tree")
    assert not Mirror.asked and Path("data/models/tree.safetensors").read_bytes() == DIVIDERS


# --- Servers that are hostile or broken ---------------------------------------------------------------------

FAULTS = ("missing", "page", "forever", "huge", "to-file", "to-ftp", "around", "stuck")
SHOWN_BY_WHAT_IS_KNOWN = ("wrong", "shorter", "endless")


@pytest.mark.parametrize("fault", FAULTS + SHOWN_BY_WHAT_IS_KNOWN)
def test_a_server_that_sends_something_else(
    host: str, refused: Tell, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(download, "MOST", 2 * len(MODEL))
    url = f"{host}/{fault}/faces.safetensors"
    register(monkeypatch, url)
    assert "The model faces could not be fetched (127.0.0.1: " in refused("faces")
    assert kept() in ([], ["faces.safetensors.part"]) and not named_models().keys() - shipped().keys()
    if fault in FAULTS:
        assert "could not be fetched" in refused(url, "--name", "others")
    assert "could not be fetched" in refused(url, "--name", "others", "--sha256", SHA256)
    assert not named_models().keys() - shipped().keys()


def test_without_a_network(host: str, refused: Tell) -> None:
    told = refused("http://127.0.0.1:9/faces.safetensors")  # nothing listens there
    assert "could not be fetched (127.0.0.1: Connection refused)" in told


@pytest.mark.parametrize("by", ["name", "address"])
def test_what_was_interrupted_goes_on_next_time(host: str, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    """By Ctrl-C in the middle; where only the checksum is known, too."""
    url = f"{host}/fine/faces.safetensors"
    register(monkeypatch, url)
    command = ["fetch", "faces"] if by == "name" else ["fetch", url, "--sha256", SHA256]
    monkeypatch.setattr(download, "CHUNK", 1 << 16)

    def stop(_: str, done: int, total: int) -> None:
        if done > len(MODEL) // 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("scalefree_studio.cli_fetch.progress_bars", lambda quiet: nullcontext(stop))
        assert main(command) == 0
    have = Path("data/models/faces.safetensors.part").stat().st_size
    assert have > len(MODEL) // 2 and not named_models().keys() - shipped().keys()
    assert main(command) == 0
    assert Mirror.asked[-1] == ("fine", f"bytes={have}-")
    assert Path("data/models/faces.safetensors").read_bytes() == MODEL and kept() == ["faces.safetensors"]


def test_a_disk_that_is_full_or_may_not_be_written(
    host: str, refused: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{host}/fine/faces.safetensors"
    Path("occupied").touch()
    assert "cannot be written" in refused(url, "--out", "occupied")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in refused(url)
    assert kept() == []


# --- In the window ------------------------------------------------------------------------------------------


def test_the_gallery_has_what_was_fetched(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scalefree_studio.window.shell.gallery import SPEC, Gallery

    monkeypatch.setenv("SCALEFREE_DATA", str(tmp_path))
    models = tmp_path / "models"
    models.mkdir()
    for name, data in {"faces": MODEL, "tree": DIVIDERS, "stray": pickle.dumps(Harm())}.items():
        (models / f"{name}.safetensors").write_bytes(data)
    driven.window.commands.show_gallery()
    gallery = driven.window.findChild(Gallery)
    shelves = {s.accessibleName(): s for s in gallery.shelves}
    offered = {
        title: {shelf.item(n).data(SPEC): shelf.item(n) for n in range(shelf.count())}
        for title, shelf in shelves.items()
    }
    assert set(offered["Networks that draw"]) == {f"model:{name}" for name in (*shipped(), "faces")}
    assert set(offered["Other models"]) == {"model:tree"}
    assert "let the network draw" in offered["Networks that draw"]["model:faces"].toolTip()
    gallery.shelves[0].itemClicked.emit(offered["Networks that draw"]["model:faces"])
    driven.until(lambda: driven.window.sessions.session is not None)
    assert driven.session.job.sampler.kind == "pixelcnn"
