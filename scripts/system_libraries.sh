#!/usr/bin/env bash
# Install the system libraries that napari's window needs, where they are missing (Debian, Ubuntu).
# Does nothing where all are there. Elsewhere it says what is missing and leaves the installing to you.
#   scripts/system_libraries.sh               what a screen of your own needs
#   scripts/system_libraries.sh --with-xvfb   and a virtual screen, for a machine without one
set -euo pipefail

packages=(
  libgl1 libegl1 libopengl0 libgl1-mesa-dri libdbus-1-3 libfontconfig1
  libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
  libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 libx11-xcb1
)
if [ "${1:-}" = "--with-xvfb" ]; then
  packages+=(xvfb xauth)
fi

is_installed() {
  dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Newer Debian and Ubuntu renamed libglib2.0-0 when time became 64 bits wide; either will do.
if command -v dpkg-query >/dev/null && ! is_installed libglib2.0-0t64; then
  packages+=(libglib2.0-0)
fi
# Without any font every word is drawn as boxes.
if [ -z "$(find /usr/share/fonts \( -name '*.ttf' -o -name '*.otf' \) -print -quit 2>/dev/null)" ]; then
  packages+=(fonts-dejavu-core)
fi
# Debian takes venv out of Python.
if command -v python3 >/dev/null && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  packages+=(python3-venv)
elif ! command -v python3 >/dev/null; then
  packages+=(python3 python3-venv)
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  if [ "$(uname -s)" = "Linux" ] && ! ldconfig -p 2>/dev/null | grep -q 'libxcb-cursor\.so\.0'; then
    echo "This Linux has no apt-get, and libxcb-cursor was not found. Install with your package manager what these" >&2
    echo "Debian packages hold: ${packages[*]}" >&2
  fi
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

install="apt-get install -y --no-install-recommends ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "System libraries are missing and this user may not install them. As root, run:" >&2
    echo "  apt-get update && $install" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "Installing system libraries: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
