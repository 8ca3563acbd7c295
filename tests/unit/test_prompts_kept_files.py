"""A tree that was scanned before is scanned by what was kept of it, and anew where anything is new."""

from datetime import date
from pathlib import Path

import msgspec

from headgate.prompts.kept_files import KeptFiles
from headgate.prompts.model import Scan
from headgate.prompts.scanning import Options, scan_tree

TODAY = date(2026, 11, 21)
CLERK = 'SYSTEM_PROMPT = "You are a careful clerk."\n'


def scanned(tree: Path, kept_in: Path, *, tests: bool = False, today: date = TODAY) -> Scan:
    options = Options(tests=tests, today=today)
    kept = KeptFiles(tree, kept_in, options)
    found = scan_tree(tree, options, read=kept.read)
    kept.save()
    assert found == scan_tree(tree, options)
    return found


def tree_in(folder: Path) -> Path:
    tree = folder / "tree"
    tree.mkdir()
    (tree / "a.py").write_text(CLERK)
    (tree / "b.py").write_text('client.chat.completions.create(model="gpt-4-0314", temperature=0.3)\n')
    (tree / "c.yaml").write_bytes(b"\xff")
    return tree


def test_what_was_kept_stands_for_a_file_that_is_as_it_was(tmp_path: Path):
    tree, kept_in = tree_in(tmp_path), tmp_path / "kept"
    assert len(scanned(tree, kept_in).prompts) == 1
    [file] = kept_in.iterdir()
    told = file.read_bytes()
    assert scanned(tree, kept_in).skipped[0].path == "c.yaml"
    assert file.read_bytes() == told
    # What stands there is believed: nothing was scanned again.
    file.write_bytes(told.replace(b"careful clerk", b"hurried clerk"))
    options = Options(today=TODAY)
    [believed] = scan_tree(tree, options, read=KeptFiles(tree, kept_in, options).read).prompts
    assert believed.template.text == "You are a hurried clerk."


def test_a_file_that_changes_comes_or_goes_is_read(tmp_path: Path):
    tree, kept_in = tree_in(tmp_path), tmp_path / "kept"
    scanned(tree, kept_in)
    (tree / "a.py").write_text(CLERK.replace("clerk", "nurse"))
    (tree / "d.py").write_text(CLERK)
    (tree / "c.yaml").unlink()
    assert [one.path for one in scanned(tree, kept_in).prompts] == ["a.py", "d.py"]
    [file] = kept_in.iterdir()
    assert b"c.yaml" not in file.read_bytes()


def test_what_other_options_or_another_day_read_is_not_believed(tmp_path: Path):
    tree, kept_in = tree_in(tmp_path), tmp_path / "kept"
    scanned(tree, kept_in, today=date(2023, 1, 1))
    assert scanned(tree, kept_in).models[0].state == "retired"
    (tree / "tests").mkdir()
    (tree / "tests" / "test_x.py").write_text(CLERK)
    scanned(tree, kept_in)
    assert len(scanned(tree, kept_in, tests=True).prompts) == 2


def test_a_file_that_is_no_such_file_or_can_t_be_written_costs_time_only(tmp_path: Path):
    tree, kept_in = tree_in(tmp_path), tmp_path / "kept"
    scanned(tree, kept_in)
    [file] = kept_in.iterdir()
    for content in (b"", b"\xc1", msgspec.msgpack.encode({"reader": 5})):
        file.write_bytes(content)
        scanned(tree, kept_in)
    (tmp_path / "no-folder").write_text("")
    scanned(tree, tmp_path / "no-folder")


def test_no_key_is_kept(tmp_path: Path):
    tree, kept_in = tree_in(tmp_path), tmp_path / "kept"
    key = "sk-ant-" + "api03-Zq8Rw2Lm5Xc9Vb4Nt7Ky3Hd6Js1Pf0"
    (tree / ".env").write_text(f"OPENAI_API_KEY={key}\n")
    assert scanned(tree, kept_in).keys
    [file] = kept_in.iterdir()
    assert key.encode() not in file.read_bytes()
    assert key[8:40].encode() not in file.read_bytes()
