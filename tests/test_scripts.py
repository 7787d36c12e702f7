"""The scripts: a screen for a command that has none, and an environment that is set up, kept and repaired."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scalefree_studio import window_libraries

ROOT = Path(__file__).resolve().parent.parent
WINDOW_LIBRARIES = ROOT / "scalefree_studio" / "window_libraries.py"

only_with_x = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has Xvfb")


# --- scripts/with-display -----------------------------------------------------------------------------------


def with_display(*command: str, display: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "QT_QPA_PLATFORM")}
    if display is not None:
        env["DISPLAY"] = display
    script = str(ROOT / "scripts" / "with-display")
    return subprocess.run(
        [script, *command], env=env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_passes_through(code: int) -> None:
    assert with_display("sh", "-c", f"exit {code}").returncode == code


def test_the_end_by_a_signal_passes_through() -> None:
    assert with_display("sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM


def test_arguments_and_output_pass_through() -> None:
    done = with_display("printf", "%s|", "two words", "", "*")
    assert (done.stdout, done.stderr) == ("two words||*|", "")


def test_a_screen_that_exists_is_used() -> None:
    assert with_display("sh", "-c", "echo $DISPLAY", display=":4711").stdout == ":4711\n"


@only_with_x
def test_without_a_screen_there_is_one_of_its_own_that_ends_with_the_command() -> None:
    done = with_display("sh", "-c", "echo $DISPLAY && xdotool getdisplaygeometry")
    display, size = done.stdout.split("\n", 1)
    assert size == "1600 1000\n"
    lock = Path(f"/tmp/.X{display.removeprefix(':')}-lock")
    for _ in range(1200):
        if not lock.exists():
            break
        time.sleep(0.05)
    assert not lock.exists()


@only_with_x
def test_the_command_can_be_interrupted_and_has_no_children_that_it_did_not_start() -> None:
    code = (
        "import psutil, signal; print(signal.getsignal(signal.SIGINT).__name__, psutil.Process().children())"
    )
    assert with_display(sys.executable, "-c", code).stdout == "default_int_handler []\n"


# --- scripts/setup.sh ---------------------------------------------------------------------------------------

# Stands for Python: notes what it is asked for, makes an "environment" with itself in it, fails where told to.
PYTHON = r"""#!/bin/sh
case $* in
    "-m venv"*) echo venv >>"$LOG"; for dir; do :; done; rm -rf "$dir"; mkdir -p "$dir/bin"
        cp "$0" "$dir/bin/python"; echo "command = python -m venv $PWD/$dir" >"$dir/pyvenv.cfg" ;;
    "-m pip install"*) echo "pip $*" >>"$LOG"; echo "Collecting numpy"
        case $PIP in fails) echo "ERROR: no such package"; exit 1 ;; killed) kill -KILL $PPID ;; esac ;;
    *window_libraries.py) for library in $LACKING; do
        package=$(sed -n "s/.*\"$library\": \"\(.*\)\",/\1/p" "$1")
        grep -qs "apt-get install.* $package" "$LOG" || echo $library; done ;;
    *"import venv, ensurepip"*) [ "$VENV" = there ] || grep -qs "apt-get install.*3.11-venv" "$LOG" ;;
    *sys.version_info\[:2]*) echo python3.11-venv ;;
    "-m pip config list") echo "$CONFIG" ;;
    --version) echo Python 3.11.0 ;;
esac
"""
# Stands for a Debian that has every package but those of $MISSING, and $RENAMED under its newer name.
DPKG_QUERY = """\
#!/bin/sh
shift 3 # -W -f FORMAT
for package; do case $package in $RENAMED) ;; $RENAMED""t64) echo install ok installed ;;
    *t64 | $MISSING) ;; *) echo install ok installed ;; esac; done
"""
APT_GET = '#!/bin/sh\necho "apt-get $*" >>"$LOG"\n'
ID = "#!/bin/sh\necho ${USER_ID:-0}\n"
SUDO = "#!/bin/sh\nexit 1\n"


class Machine:
    """A machine on which scripts/setup.sh can be run without anything being installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self.log = folder / "log"
        self.tools = folder / "tools"
        self.tools.mkdir()
        (self.folder / "scripts").mkdir(parents=True)
        (self.folder / "scalefree_studio").mkdir()
        files = (
            "pyproject.toml",
            "constraints.txt",
            "scripts/setup.sh",
            "scalefree_studio/window_libraries.py",
        )
        for name in files:
            shutil.copy(ROOT / name, self.folder / name)
        tools = {"python3": PYTHON, "dpkg-query": DPKG_QUERY, "apt-get": APT_GET, "id": ID, "sudo": SUDO}
        for name, text in tools.items():
            self.add_tool(name, text)

    def add_tool(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def environment(self, **env: str) -> dict[str, str]:
        return {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "LOG": str(self.log),
            "PIP": "works",
            "MISSING": "none",
            "RENAMED": "none",
            "CONFIG": "global.find-links='wheels'",
            "LACKING": "",
            "VENV": "there",
            **env,
        }

    def setup(self, purpose: str = "headless", **env: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        command, said = [str(self.folder / "scripts" / "setup.sh"), purpose], self.log.with_name("said")
        with said.open("w") as out:  # a pipe would be open until the last of what it has begun is gone
            done = subprocess.run(
                command,
                env=self.environment(**env),
                stdin=subprocess.DEVNULL,
                stderr=out,
                check=False,
                timeout=60,
            )
        return subprocess.CompletedProcess(command, done.returncode, "", said.read_text())

    def at_a_terminal(self, purpose: str, **env: str) -> tuple[int, str]:
        """The same where a person sits at a terminal: (exit code, what they see)."""
        self.log.write_text("")
        person, terminal = os.openpty()
        command = [str(self.folder / "scripts" / "setup.sh"), purpose]
        try:
            done = subprocess.run(
                command, env=self.environment(**env), stdin=terminal, stderr=terminal, check=False, timeout=60
            )
            return done.returncode, os.read(person, 65536).decode()
        finally:
            os.close(terminal)
            os.close(person)

    @property
    def did(self) -> list[str]:
        """What was done to the machine, in order, each by its first word."""
        return [line.split()[0] for line in self.log.read_text().splitlines()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_setup_installs_with_the_pins_and_then_rests(machine: Machine) -> None:
    assert machine.setup().returncode == 0
    assert machine.did == ["venv", "pip"]
    assert "--constraint constraints.txt --editable ." in machine.log.read_text()
    assert machine.setup().returncode == 0
    assert machine.did == []


def test_setup_for_tests_also_serves_the_program_but_not_the_other_way_round(machine: Machine) -> None:
    machine.setup("headless")
    machine.setup("test")
    assert machine.did == ["pip"]
    assert "--editable .[dev,check]" in machine.log.read_text()
    machine.setup("window")
    assert machine.did == []


def test_setup_follows_a_changed_pin(machine: Machine) -> None:
    machine.setup()
    with (machine.folder / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    machine.setup()
    assert machine.did == ["pip"]


def test_setup_starts_afresh_after_an_installation_that_broke_off(machine: Machine) -> None:
    assert machine.setup(PIP="killed").returncode == -signal.SIGKILL
    assert machine.setup().returncode == 0
    assert machine.did == ["venv", "pip"]
    with (machine.folder / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    assert machine.setup(PIP="killed").returncode == -signal.SIGKILL
    assert machine.setup().returncode == 0
    assert machine.did == ["venv", "pip"]


def test_setup_tries_again_where_pip_failed_and_keeps_what_was_sound(machine: Machine) -> None:
    machine.setup()
    with (machine.folder / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    failed = machine.setup(PIP="fails")
    assert failed.returncode == 1
    assert "pip could not install the studio" in failed.stderr
    assert machine.setup().returncode == 0
    assert machine.did == ["pip"]


def test_setup_makes_the_environment_anew_where_the_folder_was_moved(machine: Machine) -> None:
    machine.setup()
    machine.folder = machine.folder.rename(machine.folder.with_name("moved"))
    assert machine.setup().returncode == 0
    assert machine.did == ["venv", "pip"]


def test_setup_takes_the_small_torch_where_there_is_no_card(machine: Machine) -> None:
    has_card = Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None
    machine.setup(CONFIG="")
    assert ("download.pytorch.org/whl/cpu" in machine.log.read_text()) == (not has_card)


def test_setup_takes_the_ordinary_torch_where_there_is_a_card(machine: Machine) -> None:
    machine.add_tool("nvidia-smi", "#!/bin/sh\n")
    machine.setup(CONFIG="")
    assert machine.did == ["venv", "pip"]
    assert "download.pytorch.org" not in machine.log.read_text()


def test_setup_leaves_it_to_a_person_where_pip_looks(machine: Machine) -> None:
    machine.setup(CONFIG="global.index-url='https://example.org/simple'")
    assert "download.pytorch.org" not in machine.log.read_text()


def test_setup_installs_missing_libraries_as_root(machine: Machine) -> None:
    assert machine.setup("window", LACKING="libxcb-cursor.so.0").returncode == 0
    assert machine.did == ["apt-get", "apt-get", "venv", "pip"]
    assert machine.log.read_text().splitlines()[1].endswith(" libxcb-cursor0")


def test_setup_installs_what_is_only_useful_where_that_asks_nobody(machine: Machine) -> None:
    assert machine.setup("window", MISSING="fonts-dejavu-core").returncode == 0
    assert machine.did == ["apt-get", "apt-get", "venv", "pip"]
    assert machine.log.read_text().splitlines()[1].endswith(" fonts-dejavu-core")
    done = machine.setup("window", MISSING="fonts-dejavu-core", USER_ID="1000")
    assert done.returncode == 0 and machine.did == [] and done.stderr == ""


def test_setup_knows_a_package_by_its_newer_name(machine: Machine) -> None:
    machine.setup("window", RENAMED="fonts-dejavu-core")
    assert machine.did == ["venv", "pip"]


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """All that was said: one line, at the end and from the start, before anything is downloaded."""
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


def test_setup_that_may_not_install_says_in_one_line_what_is_missing(machine: Machine) -> None:
    """Before anything is downloaded; by the names of the packages, for a person to copy."""
    lacking = {"LACKING": "libglib-2.0.so.0 libEGL.so.1", "USER_ID": "1000"}
    said = refusal(machine.setup("window", **lacking))
    assert machine.did == []
    assert said == (
        "setup: missing: libglib-2.0.so.0 libEGL.so.1; please run:  sudo apt-get install libglib2.0-0 libegl1"
    )
    said = refusal(machine.setup("window", **lacking, VENV="missing"))
    assert said.endswith("sudo apt-get install python3.11-venv libglib2.0-0 libegl1") and machine.did == []


def test_setup_names_the_venv_of_the_python_that_was_found_and_says_so_once(machine: Machine) -> None:
    said = refusal(machine.setup(VENV="missing", USER_ID="1000"))
    assert "the venv module of" in said and said.endswith("sudo apt-get install python3.11-venv")
    assert machine.setup(VENV="missing").returncode == 0, "root installs it"
    assert machine.did == ["apt-get", "apt-get", "venv", "pip"]


def test_tests_without_a_screen_are_refused_at_once(machine: Machine) -> None:
    tools = ("sh", "dirname", "cat", "cksum", "tr", "grep", "sed", "uname", "env")
    for tool in tools:
        (machine.tools / tool).symlink_to(str(shutil.which(tool)))
    said = refusal(machine.setup("test", PATH=str(machine.tools), USER_ID="1000"))
    assert said == "setup: missing: Xvfb xdotool; please run:  sudo apt-get install xvfb xdotool"
    assert machine.did == []


def test_where_there_is_no_apt_the_libraries_themselves_are_named(machine: Machine) -> None:
    tools = ("sh", "dirname", "cat", "cksum", "tr", "grep", "sed", "uname")
    for tool in tools:
        (machine.tools / tool).symlink_to(str(shutil.which(tool)))
    (machine.tools / "apt-get").unlink()
    said = refusal(machine.setup("window", PATH=str(machine.tools), LACKING="libEGL.so.1"))
    assert said == "setup: missing, please install: libEGL.so.1"


def test_setup_that_is_a_user_may_ask_sudo_where_it_asks_nothing(machine: Machine) -> None:
    machine.add_tool("sudo", '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n')
    assert machine.setup("window", LACKING="libEGL.so.1", USER_ID="1000").returncode == 0
    assert machine.did == ["apt-get", "apt-get", "venv", "pip"]


@only_with_x
def test_sudo_may_ask_for_a_password_where_there_is_a_terminal(machine: Machine) -> None:
    """One that stands for a person at a terminal; without one it is never asked."""
    machine.add_tool("sudo", '#!/bin/sh\n[ "$1" = -n ] && exit 1\necho sudo >>"$LOG"\nexec "$@"\n')
    refusal(machine.setup("window", LACKING="libEGL.so.1", USER_ID="1000"))
    assert machine.did == []
    code, said = machine.at_a_terminal("window", LACKING="libEGL.so.1", USER_ID="1000")
    assert code == 0 and "sudo asks for your password" in said
    assert machine.did == ["sudo", "apt-get", "sudo", "apt-get", "venv", "pip"]


def test_what_pip_says_is_kept_and_named_where_it_fails(machine: Machine) -> None:
    done = machine.setup(PIP="fails")
    log = machine.folder / ".venv" / "install.log"
    assert log.read_text() == "Collecting numpy\nERROR: no such package\n"
    last = done.stderr.splitlines()[-1]
    assert last.startswith("setup: pip could not install the studio: ERROR: no such package;")
    assert last.endswith(f"{log}") and "Collecting" not in done.stderr


def test_setup_needs_no_screen_libraries_without_a_window(machine: Machine) -> None:
    for purpose in ("headless", "tools"):
        assert machine.setup(purpose, LACKING="libEGL.so.1", USER_ID="1000").returncode == 0


def test_the_libraries_and_packages_that_are_named_are_those_of_the_program() -> None:
    """The script reads the packages out of the file of the program; each has one, and the right one here."""
    assert all(
        re.search(rf'^    "{re.escape(library)}": "{package}",$', WINDOW_LIBRARIES.read_text(), re.MULTILINE)
        for library, package in window_libraries.LIBRARIES.items()
    )


def test_setup_says_which_python_it_needs(machine: Machine) -> None:
    machine.add_tool("python3", "#!/bin/sh\nexit 1\n")
    for tool in ("sh", "dirname", "cat", "cksum", "tr", "grep"):
        (machine.tools / tool).symlink_to(str(shutil.which(tool)))
    done = machine.setup(PATH=str(machine.tools), USER_ID="1000")
    assert done.returncode == 1
    assert "Python 3.11 or newer" in refusal(done)
