#!/bin/sh
# Makes .venv ready, and what the system must bring along; does nothing, at once, when all is there already.
#
#   scripts/setup.sh headless   the program without its window
#   scripts/setup.sh window     the same, and the libraries that a window needs
#   scripts/setup.sh tools      the program, and the tools that check it
#   scripts/setup.sh test       the same, and the screen and libraries that its tests need
#
# What cannot be installed here is said in one line, before anything is downloaded. pip's own settings (PIP_* variables,
# pip.conf) hold as they are; what it says is kept in .venv/install.log.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
purpose=${1:-window}
log=.venv/install.log

# Without these a window opens all the same, but without hardware acceleration, or with other letters.
USEFUL_PACKAGES='libgl1-mesa-dri fonts-dejavu-core'

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# --- Debian and Ubuntu packages ---------------------------------------------------------------------------------------

debian() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

# t64: what Debian 13 and Ubuntu 24.04 call the packages that they rebuilt for 64-bit time.
installed() { dpkg-query -W -f '${Status}\n' "$1" "$1t64" 2>/dev/null | grep -q '^install ok installed'; }

# The words before a command of whoever may install packages: '' (root), 'sudo -n' where it asks nothing, 'sudo' where
# there is a person who can be asked for a password; or failure.
installer() {
    if [ "$(id -u)" = 0 ]; then echo; return; fi
    command -v sudo >/dev/null || return 1
    if sudo -n true 2>/dev/null; then echo 'sudo -n'; elif [ -t 0 ] && [ -t 2 ]; then echo sudo; else return 1; fi
}

# want PACKAGE...: tries to install what the system lacks; whoever needs it looks whether it is there then.
want() {
    debian && as_root=$(installer) || return 0
    case $as_root in
        sudo) say "installing $* (sudo asks for your password)" ;;
        *) say "installing $*" ;;
    esac
    {   $as_root apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
            --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
    } </dev/null >/dev/null || :
}

# want_useful PACKAGE...: those that are missing, where that asks nobody anything.
want_useful() {
    debian || return 0
    absent=
    for package; do installed "$package" || absent="$absent $package"; done
    # shellcheck disable=SC2086  # words, on purpose
    [ -z "$absent" ] || [ "$(installer)" = sudo ] || want $absent
}

# --- Python -----------------------------------------------------------------------------------------------------------

good_python() { command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "$python" -c 'import venv, ensurepip' 2>/dev/null; }
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do good_python "$python" && return; done
    python=
    return 1
}
# The package with the venv module of the Python that was found: Debian parts it from Python itself.
venv_package() { "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'; }

# --- What the system lacks --------------------------------------------------------------------------------------------

window_libraries() { [ -z "$python" ] || "$python" scalefree_studio/window_libraries.py; }
package_of() { sed -n "s/^ *\"$1\": \"\(.*\)\",\$/\1/p" scalefree_studio/window_libraries.py; }

# Sets `needs` to what is missing, in words, and `packages` to the packages that would bring it.
look() {
    needs= packages=
    if sound; then python=.venv/bin/python; elif ! find_python; then
        needs=' Python 3.11 or newer (https://www.python.org/downloads)' packages=' python3 python3-venv'
    elif ! has_venv; then
        package=$(venv_package)
        needs=" the venv module of $(command -v "$python")" packages=" $package"
    fi
    case $purpose in window | test) for library in $(window_libraries); do
        needs="$needs $library" packages="$packages $(package_of "$library")"
    done ;; esac
    [ "$purpose" = test ] && [ "$(uname -s)" = Linux ] || return 0
    command -v Xvfb >/dev/null || needs="$needs Xvfb" packages="$packages xvfb"
    command -v xdotool >/dev/null || needs="$needs xdotool" packages="$packages xdotool"
}

# Installs what is missing, or says in one line what a person has to install.
look_and_mend() {
    look
    [ -n "$needs" ] || return 0
    # shellcheck disable=SC2086
    want $packages
    look
    [ -n "$needs" ] || return 0
    if debian; then die "missing:$needs; please run:  sudo apt-get install$packages"; fi
    die "missing, please install:$needs"
}

# --- The environment --------------------------------------------------------------------------------------------------

# A torch without CUDA is a tenth of the size: take it where no NVIDIA card is seen. Whoever told pip where to look has
# decided already. If the index cannot be reached, the ordinary build follows.
want_small_torch() {
    [ "$(uname -s)" = Linux ] && [ ! -e /proc/driver/nvidia ] && ! command -v nvidia-smi >/dev/null || return 0
    case $(.venv/bin/python -m pip config list) in *index* | *find-links*) return 0 ;; esac
    pip_install --no-deps --retries 0 --timeout 10 \
        --index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' constraints.txt)" ||
        say "no torch from PyTorch's own index; trying the usual one"
}

# pip_install WORD...: pip, whose words go to the log; a person sees one line that changes, a log file one a minute.
pip_install() {
    watch &
    watcher=$!
    status=0
    .venv/bin/python -m pip install --progress-bar off "$@" >>"$log" 2>&1 || status=$?
    kill "$watcher" 2>/dev/null || :
    wait "$watcher" 2>/dev/null || :
    [ ! -t 2 ] || printf '\r\033[K' >&2
    return "$status"
}

# What pip is at, until it ends, or this script. (The sleep must not keep anybody waiting who reads what is said here.)
watch() {
    seconds=0
    while sleep 1 </dev/null >/dev/null 2>&1 9<&- && kill -0 $$ 2>/dev/null; do
        seconds=$((seconds + 1))
        [ -t 2 ] || [ $((seconds % 60)) = 0 ] || continue
        fetched=$(grep -c '^Collecting' "$log" || :)
        now=$(sed -n 's/^ *Downloading \([^ ]*\).*/fetching \1/p; s/^Installing collected.*/putting them in place/p' \
            "$log" | tail -n 1)
        said="setup: ${fetched:-0} packages, ${now##*/}, $((seconds / 60)) min $((seconds % 60)) s"
        if [ -t 2 ]; then printf '\r%.79s\033[K' "$said" >&2; else printf '%s\n' "$said" >&2; fi
    done
}

# .venv/ready is the mark of an installation that came to its end: what it was made of, and what for. Without it, or
# where the folder was moved or its Python is gone, an environment is not mended but made anew.
sound() { [ -e .venv/ready ] && .venv/bin/python -c '' 2>/dev/null && grep -qsF "$root/.venv" .venv/pyvenv.cfg; }
ready() {
    sound && read -r had_state had_kind <.venv/ready && [ "$had_state" = "$state" ] &&
        { [ "$had_kind" = "$kind" ] || [ "$had_kind" = test ]; }
}

# --- All of it --------------------------------------------------------------------------------------------------------

kind=run project=.
case $purpose in
    headless | window) ;;
    tools | test) kind=test project='.[dev,check]' ;;
    *) die "$purpose? It is one of: headless, window, tools, test" ;;
esac
look_and_mend
# shellcheck disable=SC2086
case $purpose in window | test) want_useful $USEFUL_PACKAGES ;; esac

state=$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum | tr ' ' -)
! ready || exit 0
if command -v flock >/dev/null; then # two at once: the second waits, then finds the work done
    exec 9<pyproject.toml
    flock 9
    ! ready || exit 0
fi
if ! sound; then
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
say 'installing what the studio needs: a few minutes the first time'
[ ! -e .venv/ready ] || mv .venv/ready .venv/outdated # a killed pip may leave half a package behind
: >"$log"
want_small_torch
# When pip fails it takes back what it did: what was sound before is sound again.
pip_install --constraint constraints.txt --editable "$project" || {
    mv .venv/outdated .venv/ready 2>/dev/null || :
    reason=$(grep '^ERROR' "$log" | tail -n 1) || :
    die "pip could not install the studio${reason:+: $reason}; its output is in $root/$log"
}
echo "$state $kind" >.venv/ready
say 'done'
