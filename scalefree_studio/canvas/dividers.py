"""The view of a divider network: target and learned picture, the dividers over them, and a brush.

A `DividerCanvas` is a vispy canvas; `canvas.native` is the widget to embed. It knows no Qt and no torch: the window
feeds it, and it tells a `Listener` what the person does.

    canvas = DividerCanvas(look, parent=...)          # vispy.use("pyqt6") first
    canvas.listener = Listener()                      # subclass it, or assign to its attributes
    pictures = render.attach(canvas)                  # window/render.py: draws what the canvas asks for; pictures.stop() at the end

Fed by the window (GUI thread only):
    set_target(picture)          uint8 (H, W, 3) of job.still()["target"]: a new picture. Fits the view, forgets mask and selection
    show_frame(frame, sharpness) Snapshot.frame; cheap, call it for each snapshot. frame=None: nothing learned yet
    show_rendered(rendered)      a picture from the render worker (`attach` does this)
    set_captions(images)         {"target": rgba, "learned": rgba} uint8 (h, w, 4): small labels; window/render.py makes them
    leave()                      the mouse has left (`attach` does this)
    fit()                        the whole picture in view
    zoom(factor)                 nearer (> 1) about the middle of the pane
    select_none()                the same as selected = None

Properties; setting one redraws what is needed, and tells no listener:
    mode         "side" | "swipe" | "learned"
    overlay      bool: the dividers are drawn and can be touched
    editable     bool: they can be dragged (False while the past is looked at)
    moving       bool: training runs, or the past is played: pictures are drawn only as finely as time allows
    selected     unit id | None
    hovered      unit id | None, read only
    swipe        where the divider between target and learned stands, in [0, 1]
    brush        None, or a Brush(radius in logical pixels, peak weight): the left button paints
    mask         float32 (H, W), 1 where nothing is painted, up to the brush's peak; or None: nothing painted
    camera       what is looked at (camera.Camera)
    look         colours (Look)

Told, on the GUI thread (Listener's methods; all do nothing unless overridden):
    hover(unit)                     a unit id | None
    select(unit)                    a unit id | None
    drag(unit, params, gesture)     params: name → array of this unit, e.g. {"line_centre": (2,), "line_angle": ()}; all
                                    drags of one movement of the hand have the same gesture, to be undone together
    drag_end(gesture)
    mask_changed(mask, done)        while painting some ten times a second, and with done=True at the end of a stroke
    brush_changed(brush)            its size was changed with the wheel
    camera_changed(camera)
    render(request)                 a RenderRequest for the render worker (`attach` sets this one on the listener)

Mouse (F1):
    wheel                           zoom about the pointer
    drag on empty space             pan (the middle button pans anywhere)
    double-click on empty space     the whole picture
    click on a divider              select; click on empty space: select nothing
    drag a centre                   moves the divider
    drag a line                     moves it sideways; with Shift turns it about its centre
    drag a circle's edge            changes its radius
    drag the middle bar             (swipe) shows more of the target or of what was learned
    brush: left button paints, right button or Alt + left erases, Shift + wheel changes the size, middle button pans
"""
