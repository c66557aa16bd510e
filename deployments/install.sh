# Sourced by demo.sh and test.sh: makes .venv from the lock file named in $1, unless it stands already.
# Needs Python 3.11 to 3.13 and, for PDF and JPEG, the system's Pango and OpenGL libraries.

unset CDPATH  # else cd may go elsewhere, and say so
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
lock="deployments/$1"

say() { printf '%s\n' "$*" >&2; }

find_python() {
  for name in python3.13 python3.12 python3.11 python3 python; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      printf '%s' "$name"
      return
    fi
  done
  say "cxrscreen needs Python 3.11, 3.12 or 3.13 with its venv module, and found none."
  say "On Debian or Ubuntu type:  sudo apt-get install python3 python3-venv"
  exit 1
}

# WeasyPrint draws with Pango; OpenCV's wheel links to OpenGL and GLib.
missing_libraries() {
  "$1" - <<'PYTHON'
import ctypes.util
import sys
needed = {"pango-1.0": "libpango-1.0-0", "pangoft2-1.0": "libpangoft2-1.0-0", "harfbuzz-subset": "libharfbuzz-subset0"}
if sys.platform == "linux":
    needed |= {"GL": "libgl1", "glib-2.0": "libglib2.0-0"}
print(" ".join(package for library, package in needed.items() if ctypes.util.find_library(library) is None))
PYTHON
}

install_libraries() {
  local missing
  missing=$(missing_libraries "$1")
  [ -z "$missing" ] && return
  local as_root=""
  [ "$(id -u)" = 0 ] || as_root="sudo -n"
  if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    say "Installing system libraries: $missing"
    # shellcheck disable=SC2086  # the names are words of one list
    { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing; } >&2 ||
      say "That failed."
    missing=$(missing_libraries "$1")
    [ -z "$missing" ] && return
  fi
  say "These system libraries are missing: $missing"
  if command -v apt-get >/dev/null; then
    say "Type:  sudo apt-get install $missing"
  else
    say "Install Pango (macOS: brew install pango; Fedora: sudo dnf install pango mesa-libGL), then try again."
  fi
  exit 1
}

install() {
  local python stamp wanted
  wanted=$(cat "$lock" pyproject.toml | cksum)
  stamp=".venv/.installed-$1"
  if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  python=$(find_python)
  install_libraries "$python"
  # Without pip, or broken: what an interrupted first try has left.
  .venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
  say "Installing Python packages into .venv (once; about 2 GB) ..."
  # The lock file is complete, so nothing is resolved here, and every file is checked against its hash. Wheels alone:
  # a source package would fetch what builds it without any hash. What builds ourselves stands in the lock file, too.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: -r "$lock"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
  printf '%s' "$wanted" >"$stamp"
}

install "$1"
