"""Finding one's way in the command line: -h, help pages, completion, and an answer in every pipe."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len
from typer.testing import CliRunner

from tests.cli.test_cli import ROOT
from tests.commands import vindrop
from vindrop import settings
from vindrop.domain import error_codes
from vindrop.stores import open_ledger
from vindrop_local import help_terms
from vindrop_local.cli import app
from vindrop_local.commands.help_pages import pages

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_h(command: str) -> None:
    short, long = (CliRunner().invoke(app, [command, word]) for word in ("-h", "--help"))
    assert short.exit_code == 0
    assert "usage" in short.stdout.lower()
    assert short.stdout == long.stdout


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_wrong_option_is_told_what_it_looks_like_and_where_all_stand(
    language: str, tmp_path: Path
) -> None:
    """What is spelled much like it is not all that there is."""
    done = vindrop("--lang", language, "stats", "--nope", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    nearest = {"en": "(spelled much like it: --price)", "zh": "（拼写相近的：--price）"}
    everything = {"en": "lists all that it takes", "zh": "查看全部参数和选项"}
    assert nearest[language] in done.stderr
    assert f"`vindrop stats --help` {everything[language]}" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_the_words_of_the_papers(command: str) -> None:
    """Not those of the first version, which live on in names of tables alone."""
    inner = getattr(typer.main.get_command(app), "commands", {})[command]
    for words in ([command], *([command, name] for name in getattr(inner, "commands", {}))):
        shown = CliRunner().invoke(app, [*words, "-h"]).stdout
        assert not re.search(r"(?i)\b(quota|breaker block|slots?)\b", shown), words


def test_every_page_is_shown_and_listed(tmp_path: Path) -> None:
    listed = vindrop("help", cwd=tmp_path).stdout
    for page in (ROOT / "docs").glob("*.md"):
        assert f"  {page.stem} " in listed
    shown = vindrop("help", "operations", cwd=tmp_path)
    assert shown.stdout == (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    as_json = vindrop("help", "--json", cwd=tmp_path).stdout.splitlines()
    assert {json.loads(line)["topic"] for line in as_json} >= {"operations", "settings"}


def test_help_of_a_command_is_its_own_help(tmp_path: Path) -> None:
    assert vindrop("help", "vin", cwd=tmp_path).stdout == vindrop("vin", "-h", cwd=tmp_path).stdout


def test_a_command_that_an_alarm_is_called_by_names_the_alarm(tmp_path: Path) -> None:
    done = vindrop("help", "dead-letters", cwd=tmp_path)
    assert "`vindrop help DeadLetters`" in done.stdout
    assert "An alarm" not in vindrop("help", "vin", cwd=tmp_path).stdout


def test_a_slip_is_corrected(tmp_path: Path) -> None:
    done = vindrop("help", "operatoins", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean operations?" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_and_completes(shell: str, tmp_path: Path) -> None:
    chosen = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    script = vindrop("--show-completion", shell, cwd=tmp_path, **chosen)
    assert "_VINDROP_COMPLETE" in script.stdout
    done = vindrop(
        cwd=tmp_path,
        _VINDROP_COMPLETE=f"complete_{shell}",
        COMP_WORDS="vindrop dea",
        COMP_CWORD="1",
        _TYPER_COMPLETE_ARGS="vindrop dea",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert done.stdout.split()[0].strip('"') in {"dead-letters", "_arguments"}, done
    assert "dead-letters" in done.stdout
    assert "readings" not in done.stdout


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1", "TERM": "xterm-256color"}])
def test_no_colours_in_a_pipe(environment: dict[str, str], tmp_path: Path) -> None:
    for words in (("settings",), ("vin", "nonsense")):
        done = vindrop(*words, cwd=tmp_path, **environment)
        assert "\x1b" not in done.stdout + done.stderr


def test_a_topic_is_found_by_its_words() -> None:
    """By titles, then headings, then text: one page is shown, several are listed."""

    def shown(*words: str) -> str:
        done = CliRunner().invoke(app, ["help", *words])
        assert done.exit_code == 0
        return done.stdout

    assert shown("rotate", "keys").startswith("# Rotate keys\n")
    assert shown("Rotate Keys") == shown("rotate", "keys")
    listed = shown("upgrade")
    assert "upgrade" in listed.casefold()
    several = shown("heic")
    assert several.startswith("Pages about heic:\n")
    assert "  http " in several
    lines = [json.loads(line) for line in shown("heic", "--json").splitlines()]
    assert {"http"} <= {line["topic"] for line in lines}


@pytest.mark.parametrize(
    ("slip", "meant"), [("setings", "settings"), ("doctr", "doctor"), ("tutoriall", "tutorial")]
)
def test_near_matches_are_named(slip: str, meant: str, tmp_path: Path) -> None:
    done = vindrop("help", slip, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"did you mean {meant}" in done.stderr


@pytest.mark.parametrize("word", ["sure", "cheap", "paid"])
def test_words_are_whole_words_and_lead_to_the_cascade(word: str, tmp_path: Path) -> None:
    done = vindrop("help", word, cwd=tmp_path)
    assert done.returncode == 0
    assert "Several recognizers, one answer" in done.stdout
    assert "Measurements" not in done.stdout.partition("\n")[0], "mea-sure-ments"


def test_a_part_of_a_word_still_finds_pages(tmp_path: Path) -> None:
    assert "cascade" in vindrop("help", "recogn", cwd=tmp_path).stdout


SHOWN = {
    "aws": {"FunctionName": "vindrop-dev-upload", "Environment": {"Variables": {}}},
    "tencent": {
        "Response": {"FunctionName": "vindrop-dev-upload", "Environment": {"Variables": []}}
    },
    "tccli": {"FunctionName": "vindrop-dev-upload", "Environment": {"Variables": []}},
}


@pytest.mark.parametrize("cloud", SHOWN)
def test_doctor_reads_what_a_clouds_own_command_shows_of_a_function(
    cloud: str, tmp_path: Path
) -> None:
    """Names, values with any character, and what is still missing: as of lines."""
    given = {"VINDROP_RATE": "7", "VINDROP_LEDGER": "postgresql://u:p%23&=' \"@127.0.0.1:1/x"}
    lines = "".join(f"{name}={value}\n" for name, value in given.items())
    (tmp_path / "lines.env").write_text(lines, encoding="utf-8")
    shown = json.loads(json.dumps(SHOWN[cloud]))
    place = shown.get("Response", shown)["Environment"]
    place["Variables"] = (
        given if cloud == "aws" else [{"Key": k, "Value": v} for k, v in given.items()]
    )
    (tmp_path / "my.env").write_text(json.dumps(shown, indent=4), encoding="utf-8")
    read = vindrop("doctor", "--env-file", "my.env", cwd=tmp_path)
    assert read.stdout == vindrop("doctor", "--env-file", "lines.env", cwd=tmp_path).stdout
    (tmp_path / "other.env").write_text('{"a": [1]}', encoding="utf-8")
    done = vindrop("doctor", "--env-file", "other.env", cwd=tmp_path)
    assert (done.returncode, "get-function-configuration" in done.stderr) == (2, True)


@pytest.mark.parametrize("cloud", [*SHOWN, "lines"])
def test_every_command_takes_the_settings_of_a_function_that_is_deployed(
    cloud: str, tmp_path: Path
) -> None:
    """What the cloud's own command shows, or `osls settings`: no shell can source the first."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store = f"sqlite:///{elsewhere}/v.db"
    open_ledger(store, account="vinocr").counts()
    given = dict.fromkeys(("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_LEDGER"), store)
    text = "".join(f"{name}='{value}'\n" for name, value in given.items())
    if cloud != "lines":
        shown = json.loads(json.dumps(SHOWN[cloud]))
        place = shown.get("Response", shown)["Environment"]
        listed = [{"Key": k, "Value": v} for k, v in given.items()]
        place["Variables"] = given if cloud == "aws" else listed
        text = json.dumps(shown, indent=4)
    (tmp_path / "my.env").write_text(text, encoding="utf-8")
    for command in ("stats", "dead-letters", "uploads", "readings"):
        assert vindrop(command, cwd=tmp_path).returncode == 2  # nothing was read here
        done = vindrop("--env-file", "my.env", command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    wrong = {"VINDROP_LEDGER": "sqlite:///nowhere/v.db"}
    assert vindrop("--env-file", "my.env", "stats", cwd=tmp_path, **wrong).returncode == 0


@pytest.mark.parametrize("text", ["=x", "A=\0", '{"Environment": {"Variables": {"A": "\\ud800"}}}'])
def test_a_file_of_what_no_environment_can_have_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "my.env").write_text(text, encoding="utf-8")
    done = vindrop("--env-file", "my.env", "stats", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "my.env holds a variable that no environment can have" in done.stderr


@pytest.mark.parametrize("given", [(), ("ledger",), ("results", "ledger")])
def test_doctor_names_all_that_is_missing_at_once_and_what_to_do(
    given: tuple[str, ...], tmp_path: Path
) -> None:
    needed = [name for name, field in settings.fields().items() if field.required]
    assert len(needed) > 1
    variables = {settings.variable(name): "sqlite:////x/y.db" for name in given}
    done = vindrop("doctor", "--json", cwd=tmp_path, **variables)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [each["message"] for each in said if each["state"] == "wrong"]
    missing = [settings.variable(name) for name in needed if name not in given]
    assert [each.split()[0] for each in wrong if "is not set" in each] == missing
    assert any("vindrop help operations" in each["message"] for each in said)
    page = vindrop("help", "operations", cwd=tmp_path).stdout
    assert "get-function-configuration" in page
    assert "GetFunction" in page


def test_a_laptop_without_settings_hears_what_doctor_is_for(tmp_path: Path) -> None:
    done = vindrop("doctor", cwd=tmp_path)
    assert done.returncode == 1
    assert "`vindrop up` and `vindrop demo` need no settings" in done.stdout
    (tmp_path / "env").write_text("VINDROP_RATE=10\n")
    done = vindrop("doctor", "--env-file", "env", cwd=tmp_path)
    assert done.returncode == 1
    assert "vindrop demo" not in done.stdout, "this one is set up, if wrongly"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("how-to", "docs/how-to/index.md"),
        ("how to", "docs/how-to/index.md"),
        ("contributing", "CONTRIBUTING.md"),
        ("CONTRIBUTING", "CONTRIBUTING.md"),
        ("security", "SECURITY.md"),
        ("changelog", "CHANGELOG.md"),
        ("error codes", "docs/{zh}operations.md"),
        ("alarms", "docs/{zh}operations.md"),
        ("circuit", "docs/{zh}operations.md"),
        ("熔断器", "docs/{zh}operations.md"),
        ("告警", "docs/{zh}operations.md"),
    ],
)
def test_words_that_newcomers_try_lead_to_a_page(
    word: str, page: str, language: str, tmp_path: Path
) -> None:
    done = vindrop("--lang", language, "help", word, cwd=tmp_path)
    text = (ROOT / page.format(zh="zh/" if language == "zh" else "")).read_text(encoding="utf-8")
    assert done.stdout == text.removeprefix(
        text.partition("\n")[0] + "\n" if "<!--" in text else ""
    )


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (("readme",), "README.md"),
        (("README.md",), "README.md"),
        (("--lang", "zh", "readme"), "README.zh-CN.md"),
        (("decisions",), "docs/decisions/README.md"),
        (("decisions/README.md",), "docs/decisions/README.md"),
        (("docs/decisions/0004-sqlite-default.md",), "docs/decisions/0004-sqlite-default.md"),
    ],
)
def test_pages_above_and_beside_the_site_are_shown(words: tuple[str, ...], page: str) -> None:
    *language, topic = words
    done = vindrop(*language, "help", topic, cwd=ROOT)
    assert (
        done.stdout.splitlines()[-1] == (ROOT / page).read_text(encoding="utf-8").splitlines()[-1]
    )


TERMS = sorted(help_terms.names((ROOT / "docs" / "operations.md").read_text(encoding="utf-8")))


def test_every_alarm_and_every_code_is_explained_by_its_own_row() -> None:
    """All that `error_codes` knows, and all that the page has; in both languages."""
    assert {"CircuitOpen", "VinOCRDown", "Vindrop.EmptyVin"} <= set(TERMS)
    pages = {
        folder: (ROOT / "docs" / folder / "operations.md").read_text(encoding="utf-8")
        for folder in ("", "zh")
    }
    for code in {*TERMS, *error_codes.TABLE}:
        of = [help_terms.find(code, page) for page in pages.values()]
        assert len(of[0]) == len(of[1]) >= 1, code
        for told in of:
            markdown = "\n".join(each.markdown(": ") for each in told)
            assert len(told[0].cells) >= 2
            assert all(cell for each in told for _, cell in each.cells), code
            assert "as above" not in markdown
            assert "同上" not in markdown


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("CircuitOpen", "circuit breaker is open"),
        ("circuit-open", "circuit breaker is open"),
        ("vindrop.emptyvin", "is not a VIN"),
        ("EmptyVin", "is not a VIN"),
        ("ImageBlur", "type the VIN where a person can read it"),
        ("FailedOperation.Unheard", "refuses this photo"),
        ("VINDROP_RATE", "Calls per second"),
    ],
)
def test_a_term_is_told_alone(word: str, told: str, tmp_path: Path) -> None:
    done = vindrop("help", word, cwd=tmp_path)
    assert told in done.stdout
    assert len(done.stdout.splitlines()) < 20, "not the whole page"
    assert "`vindrop help " in done.stdout.splitlines()[-1]
    (line,) = vindrop("--lang", "zh", "help", word, "--json", cwd=tmp_path).stdout.splitlines()
    assert told in json.loads(line)["markdown"], "for a program in English"
    chinese = vindrop("--lang", "zh", "help", word, cwd=tmp_path).stdout
    assert "摘自页面" in chinese.splitlines()[-1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_commands_below_others_are_found(language: str, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        return vindrop("--lang", language, *words, cwd=tmp_path).stdout

    assert run("help", "dead-letters", "redrive") == run("dead-letters", "redrive", "-h")
    told = run("help", "redrive")
    assert "  vindrop dead-letters redrive  " in told
    assert "  operations " in told
    lines = [json.loads(line) for line in run("help", "redrive", "--json").splitlines()]
    assert "vindrop dead-letters redrive" in [line.get("command") for line in lines]
    assert "operations" in [line.get("topic") for line in lines]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("zzzz",), "one word alone"),
        (("CircuitOpn",), "did you mean CircuitOpen"),
        (("zzzz", "redrive"), "try `vindrop help redrive`"),
    ],
)
def test_of_words_found_nowhere_it_is_said_what_to_try(
    words: tuple[str, ...], hint: str, tmp_path: Path
) -> None:
    done = vindrop("help", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert hint in done.stderr


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_help_of_the_server_looks_like_the_others(language: str, tmp_path: Path) -> None:
    """It has groups and examples, and no line of it is wider than the terminal."""
    told = vindrop("--lang", language, "vinocr", "-h", cwd=tmp_path, COLUMNS="80").stdout
    other = vindrop("--lang", language, "vin", "-h", cwd=tmp_path, COLUMNS="80").stdout
    assert told.split()[0].startswith(other.split()[0].partition("：")[0])
    assert {"--host", "--accounts", "--check", "VINOCR_RATE"} <= set(told.split())
    assert ("Examples:" if language == "en" else "示例：") in told.splitlines()
    assert [line for line in told.splitlines() if cell_len(line) > 80] == []
    wrong = vindrop("--lang", language, "vinocr", "--nonsense", cwd=tmp_path)
    assert (wrong.returncode, "`vindrop vinocr --help`" in wrong.stderr) == (2, True)


def links() -> list[tuple[str, str]]:
    """Return each link of one page to another, with the heading of the page that it leads to."""
    found = {}
    known = {page.resolve() for page in pages().values()}
    for page in pages().values():
        for link in re.findall(
            r"\]\(([^)\s:]+\.md(?:#[^)]*)?)\)", page.read_text(encoding="utf-8")
        ):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target in known:
                found[link] = target.read_text(encoding="utf-8")
    return sorted(found.items())


def test_a_page_is_found_by_the_links_to_it() -> None:
    told = links()
    assert len(told) > 40
    for link, text in [*told, *((f"docs/{link}", text) for link, text in told)]:
        done = CliRunner().invoke(app, ["help", link])
        assert (done.exit_code, done.stdout) == (0, text), link


def test_a_link_to_a_chinese_page_leads_there(tmp_path: Path) -> None:
    done = vindrop("--lang", "en", "help", "docs/zh/operations.md", cwd=tmp_path)
    assert done.stdout.startswith("# 运维\n")


@pytest.mark.parametrize("topic", ["(", "—", "*", "( )", "（"])
def test_what_has_no_word_is_no_topic(topic: str, tmp_path: Path) -> None:
    """A bracket stands on every page: the one that has most of them is not what was looked for."""
    done = vindrop("help", "--", topic, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "`vindrop help` lists the pages" in done.stderr
