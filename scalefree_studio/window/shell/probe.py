"""A look at the screen, without a window: its size, its fonts, and whether OpenGL draws what it is told to draw."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QCoreApplication
from PyQt6.QtGui import QFontDatabase, QFontInfo, QGuiApplication, QOffscreenSurface, QOpenGLContext
from vispy.gloo import gl

from ..work.preferences import Preferences, name_application, settings_of


def look() -> dict[str, Any]:
    """What `doctor` says of it; `trouble` is a sentence, or nothing."""
    app = QGuiApplication(["scalefree-studio"])
    screen = app.primaryScreen()
    found: dict[str, Any] = {
        "platform": app.platformName(), "fonts": len(QFontDatabase.families()), "font": QFontInfo(app.font()).family(),
        "screen": "no screen", "version": "", "renderer": "", "trouble": "",
    }  # fmt: skip
    if screen is not None:
        size = screen.size()
        found["screen"] = f"screen {size.width()}×{size.height()}, {screen.devicePixelRatio():g}×"
    return found | _draw()


def places() -> dict[str, str]:
    """Where the window keeps new runs."""
    app = QCoreApplication(["scalefree-studio"])
    name_application()
    place = Preferences.read(settings_of()).place
    del app
    return {"runs": str(place)}


def _draw() -> dict[str, Any]:
    """An orange surface, cleared and read back."""
    surface, context = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return {"trouble": "OpenGL cannot be started here."}
    named = {"version": gl.glGetParameter(gl.GL_VERSION), "renderer": gl.glGetParameter(gl.GL_RENDERER)}
    texture, buffer = gl.glCreateTexture(), gl.glCreateFramebuffer()
    gl.glBindTexture(gl.GL_TEXTURE_2D, texture)
    gl.glTexImage2D(gl.GL_TEXTURE_2D, 0, gl.GL_RGBA, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, (4, 4))
    gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, buffer)
    gl.glFramebufferTexture2D(gl.GL_FRAMEBUFFER, gl.GL_COLOR_ATTACHMENT0, gl.GL_TEXTURE_2D, texture, 0)
    gl.glClearColor(1.0, 0.5, 0.0, 1.0)
    gl.glClear(gl.GL_COLOR_BUFFER_BIT)
    red, green, blue = gl.glReadPixels(0, 0, 1, 1, gl.GL_RGB, gl.GL_UNSIGNED_BYTE)[:3]
    context.doneCurrent()
    drawn = red == 255 and abs(green - 128) <= 1 and blue == 0
    return named | {"trouble": "" if drawn else f"OpenGL draws wrong colours on {named['renderer']}."}
