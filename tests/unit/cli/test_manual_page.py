"""understudy(1) is printed from the commands, so it can name none that there is not, and leaves none out."""

import runpy
import shutil
import subprocess

import click
import pytest

from local.sam import ROOT
from tools.cli_man import manual_page
from understudy_cli.__main__ import cli
from understudy_cli.core import exits

PAGE = ROOT / "cli" / "understudy.1"


def test_the_page_that_is_installed_is_the_one_of_these_commands():  # B23
    assert PAGE.read_text(encoding="utf-8") == manual_page()


def test_every_command_every_option_and_every_exit_status_is_on_it():  # B23
    text = manual_page().replace("\\-", "-")
    for name in cli.list_commands(click.Context(cli)):
        command = cli.commands[name]
        assert f".SS {name} " in text
        for option in (each for each in command.params if isinstance(each, click.Option) and each.help):
            assert option.opts[-1] in text
    for status, meaning in exits.MEANINGS.items():
        assert f".B {status}\n{meaning}" in text


def test_the_wheel_puts_the_page_where_pipx_looks_for_it(monkeypatch):  # B23
    said = {}
    monkeypatch.setattr("setuptools.setup", lambda **words: said.update(words))
    monkeypatch.chdir(PAGE.parent)
    runpy.run_path("setup.py")
    assert said["data_files"] == [("share/man/man1", [PAGE.name])]


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff on this machine")
def test_the_page_renders_without_a_warning():
    rendered = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", str(PAGE)], capture_output=True, text=True, check=True, timeout=30
    )
    assert rendered.stderr == ""
    assert "UNDERSTUDY(1)" in rendered.stdout
