"""What Qt and OpenGL can do here, as JSON: ``python -m napari_medkd.gui.probe``, run by `medkd doctor` as a child.

Opens no window; a broken driver ends this process and nothing else.
"""

import json
import sys
from typing import Any

from qtpy import API_NAME, QT_VERSION
from qtpy.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

_OPENGL_WORDS = {"opengl": 0x1F02, "renderer": 0x1F01}  # GL_VERSION, GL_RENDERER


def probe() -> dict[str, Any]:
    """Return the Qt binding, the platform, the screen's size and what OpenGL says of itself, or ``opengl_error``."""
    application = QGuiApplication(sys.argv[:1])
    screen = application.primaryScreen()
    facts: dict[str, Any] = {"binding": API_NAME, "version": QT_VERSION, "platform": application.platformName()}
    if screen is not None:
        facts["screen"] = f"{screen.size().width()} x {screen.size().height()}"
    return facts | _opengl()


def _opengl() -> dict[str, str]:
    surface, context = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return {"opengl_error": "no OpenGL context can be made"}
    try:
        return _said_by_driver(context)
    finally:
        context.doneCurrent()


def _said_by_driver(context: Any) -> dict[str, str]:
    import ctypes

    get_string = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_uint)(int(context.getProcAddress(b"glGetString")))
    said = {name: get_string(word) for name, word in _OPENGL_WORDS.items()}
    if not said["opengl"]:
        return {"opengl_error": "the driver does not tell its OpenGL version"}
    return {name: (value or b"").decode(errors="replace") for name, value in said.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe()) + "\n")
