#!/usr/bin/env bash
# Make one of the project's environments, in the versions that constraints.txt names. Quick where nothing changed.
#   scripts/environment.sh demo       .venv           what a person installs
#   scripts/environment.sh dev        .venv           the same and every tool, for daily work
#   scripts/environment.sh test       .venv-test      the same, made new: what the checks run in
#   scripts/environment.sh headless   .venv-headless  torch, but no Qt, no napari; the built package, not the sources
#   scripts/environment.sh viewer     .venv-viewer    napari, but no torch; the built package, not the sources
# PYTHON names the interpreter (3.11 or newer); without it that of an existing .venv, else the first that fits is taken.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kind="${1:?usage: scripts/environment.sh demo|dev|test|headless|viewer}"
case "$kind" in
  demo)     folder=.venv;           request=(-e '.[all]') ;;
  dev)      folder=.venv;           request=(-e '.[all]' --group dev) ;;
  test)     folder=.venv-test;      request=(-e '.[all]' --group dev) ;;
  headless) folder=.venv-headless;  request=('.[train]' --group test) ;;
  viewer)   folder=.venv-viewer;    request=('.[viewer]' --group test-gui) ;;
  *) echo "Environment '$kind' is not known: demo, dev, test, headless and viewer are." >&2; exit 2 ;;
esac

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate candidates=(python3 python3.14 python3.13 python3.12 python3.11)
  [ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
  for candidate in "${candidates[@]}"; do
    if fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  echo "Python 3.11 or newer was not found (tried: ${candidates[*]}). Install it, or name one: PYTHON=/path/to/python make ..." >&2
  return 1
}

python=$(find_python)
if [ "$folder" = .venv ] && [ -x .venv/bin/python ]; then
  if [ -n "${PYTHON:-}" ] && [ "$(.venv/bin/python --version)" != "$("$python" --version)" ]; then
    echo ".venv was made with $(.venv/bin/python --version), not $("$python" --version). Remove it (make clean), then try again." >&2
    exit 2
  fi
  python=$PWD/.venv/bin/python
  if ! fits "$python"; then
    echo ".venv was made with $("$python" --version); 3.11 or newer is needed. Remove it (make clean), then try again." >&2
    exit 2
  fi
fi
stamp="$folder/medkd-$kind.stamp"
wanted=$({ "$python" --version; cat pyproject.toml constraints.txt scripts/environment.sh; } |
  "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
pip=("$folder/bin/python" -m pip --disable-pip-version-check)
[ -t 1 ] || pip+=(-q)
tested=(--constraint constraints.txt)

if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  # A person's own .venv is added to; the others are made new.
  [ "$folder" = .venv ] || rm -rf "$folder"
  [ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
  echo "Installing into $folder (a few minutes the first time)"
  "${pip[@]}" install "${tested[@]}" --upgrade pip
  "${pip[@]}" install "${tested[@]}" --build-constraint constraints.txt "${request[@]}"
  if [ "$kind" = headless ]; then
    # Light enough to be a dependency of everyone, and exactly what must not be needed here.
    "${pip[@]}" uninstall -y qtpy superqt magicgui pyqtgraph
  fi
  echo "$wanted" > "$stamp"
elif [ "$kind" = headless ] || [ "$kind" = viewer ]; then
  "${pip[@]}" install --no-deps --force-reinstall --build-constraint constraints.txt .
fi
