#!/bin/sh
# Makes .venv ready, and what the system must bring along; does nothing, at once, when all is there already.
#
#   scripts/setup.sh headless   the program without its window
#   scripts/setup.sh window     the same, and the libraries that a window needs
#   scripts/setup.sh test       the same, and the tools that test and check it
#
# pip's own settings (PIP_* variables, pip.conf) hold as they are.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
purpose=${1:-window}

WINDOW_PACKAGES='libgl1 libegl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0
    libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 libdbus-1-3
    libfontconfig1 libglib2.0-0 fonts-dejavu-core'
TEST_PACKAGES='xvfb xdotool'

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# --- Debian and Ubuntu packages ---------------------------------------------------------------------------------------

# t64: what Debian 13 and Ubuntu 24.04 call the packages that they rebuilt for 64-bit time.
installed() { dpkg-query -W -f '${Status}\n' "$1" "$1t64" 2>/dev/null | grep -q '^install ok installed'; }

# The name of whoever may install packages without being asked a word: '' (root), 'sudo -n', or failure.
installer() {
    if [ "$(id -u)" = 0 ]; then echo; else sudo -n true 2>/dev/null && echo 'sudo -n'; fi
}

# want PACKAGE...: installs those that are missing. If that cannot be done, says so in one line, and goes on.
want() {
    command -v dpkg-query >/dev/null || return 0
    missing=
    for package; do installed "$package" || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    if as_root=$(installer); then
        say "installing$missing"
        {   $as_root apt-get update -qq
            # shellcheck disable=SC2086  # words, on purpose
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
                --no-install-recommends -o DPkg::Lock::Timeout=120 $missing
        } </dev/null >/dev/null && return 0
    fi
    say "please install, if something does not start:  sudo apt-get install$missing"
}

# --- Python -----------------------------------------------------------------------------------------------------------

good_python() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do good_python "$python" && return; done
}

find_venv_python() {
    find_python || { want python3 python3-venv; find_python; } ||
        die 'Python 3.11 or newer is needed and was not found; see https://www.python.org/downloads'
    has_venv "$python" || { want python3-venv; has_venv "$python"; } ||
        die "$(command -v "$python") has no venv module; on Debian or Ubuntu:  sudo apt-get install python3-venv"
}

# A torch without CUDA is a tenth of the size: take it where no NVIDIA card is seen. Whoever told pip where to look has
# decided already. If the index cannot be reached, the ordinary build follows.
want_small_torch() {
    [ "$(uname -s)" = Linux ] && [ ! -e /proc/driver/nvidia ] && ! command -v nvidia-smi >/dev/null || return 0
    case $(.venv/bin/python -m pip config list) in *index* | *find-links*) return 0 ;; esac
    .venv/bin/python -m pip install $quiet --no-deps --retries 0 --timeout 10 \
        --index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' constraints.txt)" 2>/dev/null ||
        say "no torch from PyTorch's own index; the ordinary one follows"
}

# .venv/ready is the mark of an installation that came to its end: what it was made of, and what for. Without it, or
# where the folder was moved or its Python is gone, an environment is not mended but made anew.
sound() { [ -e .venv/ready ] && .venv/bin/python -c '' 2>/dev/null && grep -qsF "$root/.venv" .venv/pyvenv.cfg; }
ready() {
    sound && read -r had_state had_kind <.venv/ready && [ "$had_state" = "$state" ] &&
        { [ "$had_kind" = "$kind" ] || [ "$had_kind" = test ]; }
}

# --- All of it --------------------------------------------------------------------------------------------------------

kind=run project=. packages=
case $purpose in
    headless) ;;
    window) packages=$WINDOW_PACKAGES ;;
    test) kind=test project='.[dev,check]' packages="$WINDOW_PACKAGES $TEST_PACKAGES" ;;
    *) die "$purpose? It is one of: headless, window, test" ;;
esac
# shellcheck disable=SC2086
[ -z "$packages" ] || want $packages

[ -t 2 ] && quiet= || quiet=--quiet # somebody who waits wants to see that something happens

state=$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum | tr ' ' -)
! ready || exit 0
if command -v flock >/dev/null; then # two at once: the second waits, then finds the work done
    exec 9<pyproject.toml
    flock 9
    ! ready || exit 0
fi
if ! sound; then
    find_venv_python
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
say 'installing what the studio needs: a few minutes the first time'
[ ! -e .venv/ready ] || mv .venv/ready .venv/outdated # a killed pip may leave half a package behind
want_small_torch
# When pip fails by itself it says why, and takes back what it did: what was sound before is sound again.
.venv/bin/python -m pip install $quiet --constraint constraints.txt --editable "$project" ||
    { mv .venv/outdated .venv/ready 2>/dev/null || :; die 'pip could not install the studio; the reason stands above'; }
echo "$state $kind" >.venv/ready
say 'done'
