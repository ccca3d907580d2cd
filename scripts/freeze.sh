#!/usr/bin/env bash
# Write constraints.txt from an environment in which the whole suite has just passed.
#   scripts/freeze.sh [.venv-test]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder="${1:-.venv-test}"
{
  echo "# Every version the suite passed with, transitive ones too. Written by scripts/freeze.sh, not by hand."
  # A local build tag (+cpu, +cu130) is this machine's, the version is everyone's.
  "$folder/bin/python" -m pip freeze --all --exclude napari-medkd | sed 's/+[a-z0-9.]*$//'
} > constraints.txt.new
mv constraints.txt.new constraints.txt
